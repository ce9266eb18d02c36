-- expect: the policy used more than its 50 ms of CPU time
-- row: 12
-- attacks: table.sort
return function()
  local t = {}
  for i = 1, 50000 do t[i] = -i end
  table.sort(t, function(a, b) for _ = 1, 1000 do end return a < b end)
end
