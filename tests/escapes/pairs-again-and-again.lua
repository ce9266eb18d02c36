-- expect: the policy used more than its 50 ms of CPU time
-- attacks: pairs
return function()
  local t = {}
  for i = 1, 4000 do t["key" .. i] = i end
  while true do pairs(t) end
end
