-- expect: the policy used more than its 50 ms of CPU time
-- attacks: type
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do local _ = type(s), type(type), type(nil) end
end
