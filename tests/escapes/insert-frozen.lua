-- expect: the bundle's data is read-only
-- attacks: table.insert
local t = castslice.freeze { 1 }
return function() table.insert(t, 2) end
