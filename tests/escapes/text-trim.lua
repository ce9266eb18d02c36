-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.trim
return function()
  local s = " "
  for _ = 1, 19 do s = s .. s end
  while true do text.trim(s) end
end
