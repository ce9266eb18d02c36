-- expect: the policy used more than its 50 ms of CPU time
-- row: 11
-- attacks: table.remove
return function()
  local t = {}
  for i = 1, 200000 do t[i] = i end
  while true do
    table.remove(t, 1)
    t[#t + 1] = 1
  end
end
