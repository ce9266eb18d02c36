-- expect: nested too deeply to be frozen
-- attacks: castslice.freeze
local t = {}
t.t = t
castslice.freeze(t)
return function() end
