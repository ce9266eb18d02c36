-- expect: the policy used more than its 50 ms of CPU time
-- attacks: ipairs
return function()
  local t = {}
  for i = 1, 200000 do t[i] = i end
  while true do for _ in ipairs(t) do end end
end
