-- expect: what is frozen needs more than the policy's memory
-- attacks: castslice.freeze
local t = {}
for i = 1, 50000 do t[i] = i end
for _ = 1, 1e6 do castslice.freeze(t) end
return function() end
