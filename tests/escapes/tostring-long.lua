-- expect: the policy used more than its 50 ms of CPU time
-- attacks: tostring
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do local _ = tostring(s), tostring(2.2250738585072014e-308), tostring(math.mininteger) end
end
