-- expect: the policy used more than its 50 ms of CPU time
-- row: 11
-- attacks: table.insert
return function()
  local t = {}
  while true do table.insert(t, 1, 1) end
end
