-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.starts_with
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do text.starts_with(s, s) end
end
