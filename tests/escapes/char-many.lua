-- expect: the policy used more than its 50 ms of CPU time
-- attacks: string.char
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do string.char(s:byte(1, 1000)) end
end
