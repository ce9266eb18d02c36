-- expect: the policy used more than its 50 ms of CPU time
-- attacks: quantity.number
return function()
  local s = "9"
  for _ = 1, 18 do s = s .. s end
  while true do quantity.number("0." .. s .. "Ki") end
end
