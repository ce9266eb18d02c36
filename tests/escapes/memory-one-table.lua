-- expect: the policy needed more than its 8 MiB of memory
-- row: 13, 23
return function()
  local t = {}
  for i = 1, math.huge do t[i] = i end
end
