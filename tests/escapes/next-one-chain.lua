-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: next
local t, apart = {}, (1 << 13) - 1
for j = 1, (1 << 12) + 1 do t[j * apart] = true end
return function()
  while true do next(t) end
end
