-- expect: the policy used more than its 50 ms of CPU time
-- attacks: table.concat
return function()
  local t = {}
  for i = 1, 100000 do t[i] = "x" end
  while true do table.concat(t) end
end
