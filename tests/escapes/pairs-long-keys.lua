-- expect: the policy used more than its 50 ms of CPU time
-- attacks: pairs
return function()
  local a, t = "x", {}
  for _ = 1, 16 do a = a .. a end
  for i = 1, 60 do t[a .. i] = true end
  while true do pairs(t) end
end
