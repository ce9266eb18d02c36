-- expect: the policy used more than its 50 ms of CPU time
-- attacks: pairs
local t = {}
for i = 1, 16000 do t["k" .. i] = i end
t = castslice.freeze(t)
return function()
  while true do pairs(t) end
end
