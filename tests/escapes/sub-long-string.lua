-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: string.sub
return function()
  local s = "X"
  for _ = 1, 19 do s = s .. s end
  while true do s:sub(2) end
end
