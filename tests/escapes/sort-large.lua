-- expect: the policy used more than its 50 ms of CPU time
-- attacks: table.sort
return function()
  local t = {}
  for i = 1, 100000 do t[i] = -i end
  while true do table.sort(t) end
end
