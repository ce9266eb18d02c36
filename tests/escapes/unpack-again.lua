-- expect: the policy used more than its 50 ms of CPU time
-- attacks: table.unpack
return function()
  local t = {}
  for i = 1, 200000 do t[i] = i end
  while true do table.unpack(t, 199751, 200000) end
end
