-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: pairs
-- Made while the bundle loads, when there is time: every key in one chain, so each step of a traversal walks it.
local t, apart = {}, (1 << 13) - 1
for j = 1, (1 << 12) + 1 do t[j * apart] = true end
return function()
  while true do for _ in pairs(t) do end end
end
