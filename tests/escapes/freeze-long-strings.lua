-- expect: what is frozen needs more than the policy's memory
-- attacks: castslice.freeze
local s = "x"
for _ = 1, 18 do s = s .. s end
for _ = 1, 100000 do castslice.freeze { s, s } end
return function() end
