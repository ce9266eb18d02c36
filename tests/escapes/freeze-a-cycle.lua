-- expect: nested too deeply to be frozen
local t = {}
t.t = t
castslice.freeze(t)
return function() end
