-- expect: the policy used more than its 50 ms of CPU time
-- row: 25
-- attacks: castslice.note
return function()
  while true do castslice.note("x") end
end
