-- expect: the policy used more than its 50 ms of CPU time
-- attacks: quantity.compare
return function()
  local s = "1"
  for _ = 1, 18 do s = s .. s end
  while true do quantity.compare(s, s) end
end
