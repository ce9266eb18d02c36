-- expect: the policy used more than its 50 ms of CPU time
-- row: 7
-- attacks: text.glob
return function()
  local s = "a"
  for _ = 1, 12 do s = s .. s end
  while true do text.glob(s, "*a*a*a*a*a*a*b") end
end
