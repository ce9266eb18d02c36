-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.integer
return function()
  local s = "1"
  for _ = 1, 19 do s = s .. s end
  while true do text.integer(s) end
end
