-- expect: the policy used more than its 50 ms of CPU time
-- attacks: next
return function()
  local t = {}
  for i = 1, 4000 do t["key" .. i] = i end
  local k = next(t)
  while k do k = next(t, k) end
end
