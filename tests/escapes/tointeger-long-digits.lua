-- expect: the policy used more than its 50 ms of CPU time
-- attacks: math.tointeger
return function()
  local s = "1"
  for _ = 1, 18 do s = s .. s end
  while true do math.tointeger(s) end
end
