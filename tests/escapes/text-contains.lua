-- expect: the policy used more than its 50 ms of CPU time
-- row: 9
-- attacks: text.contains
return function()
  local s, p = "a", "a"
  for _ = 1, 19 do s = s .. s end
  for _ = 1, 14 do p = p .. p end
  while true do text.contains(s, p .. "b") end
end
