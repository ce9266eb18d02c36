-- expect: the policy used more than its 50 ms of CPU time
-- row: 25
-- attacks: castslice.note
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  while true do castslice.note(s) end
end
