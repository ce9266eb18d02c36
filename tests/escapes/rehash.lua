-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- A full hash part makes every new key count the large array part again.
return function()
  local t = {}
  for i = 1, 1 << 17 do t[i] = true end
  local k = 0
  while true do
    k = k + 1
    t["a" .. k] = true
    t["a" .. k - 1] = nil
  end
end
