-- expect: the bundle's data is read-only
local t = castslice.freeze { a = { 1 } }
return function() t.a[1] = 2 end
