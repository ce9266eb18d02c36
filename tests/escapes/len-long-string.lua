-- expect: the policy used more than its 50 ms of CPU time
-- attacks: string.len
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do local _ = #s, s:len() end
end
