-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: string.upper
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do s:upper() end
end
