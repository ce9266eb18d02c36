-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.ends_with
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do text.ends_with(s, s) end
end
