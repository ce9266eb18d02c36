-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
return function()
  local s = "x"
  for _ = 1, 19 do s = s .. s end
  while true do local _ = s .. "y" end
end
