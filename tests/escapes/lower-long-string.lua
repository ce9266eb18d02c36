-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: string.lower
return function()
  local s = "X"
  for _ = 1, 19 do s = s .. s end
  while true do s:lower() end
end
