-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: pairs
-- One step of a traversal passes every key that was removed since it began, and each look-up walks the whole chain.
local apart, count = (1 << 13) - 1, (1 << 12) + 1
local function empty()
  local t = {}
  for j = 1, count do t[j * apart] = true end
  local step = pairs(t)
  for j = 1, count do t[j * apart] = nil end
  return step
end
local steps = {}
for i = 1, 6 do steps[i] = empty() end
return function()
  for i = 1, #steps do steps[i]() end
  return { ratio = 2 }
end
