-- expect: the policy used more than its 50 ms of CPU time
-- attacks: text.quote
return function()
  local s = "\0"
  for _ = 1, 19 do s = s .. s end
  while true do text.quote(s) end
end
