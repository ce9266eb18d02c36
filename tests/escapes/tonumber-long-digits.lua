-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: tonumber
return function()
  local s = "1"
  for _ = 1, 19 do s = s .. s end
  while true do tonumber(s) end
end
