-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.split
return function()
  local s = ","
  for _ = 1, 16 do s = s .. s end
  while true do text.split(s, ",") end
end
