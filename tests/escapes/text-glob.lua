-- expect: the policy used more than its 50 ms of CPU time
-- row: 7
-- attacks: text.glob
return function()
  local s, p = "a", "a"
  for _ = 1, 17 do s = s .. s end
  for _ = 1, 14 do p = p .. p end
  return { reason = tostring(text.glob(s, "*" .. p .. "b")) }
end
