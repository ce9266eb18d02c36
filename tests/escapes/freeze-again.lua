-- expect: what is frozen needs more than the policy's memory
-- attacks: castslice.freeze
local t = {}
for i = 1, 100000 do t[i] = i end
while true do castslice.freeze(t) end
