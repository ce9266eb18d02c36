-- expect: the policy used more than its 50 ms of CPU time
-- attacks: math.max
return function()
  local t = {}
  for i = 1, 250 do t[i] = i end
  while true do math.max(table.unpack(t)) end
end
