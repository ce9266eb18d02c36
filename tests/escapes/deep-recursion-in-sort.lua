-- expect: C stack overflow
-- row: 12, 20
-- Every level goes through a C function, so Lua's own limit on C calls ends it.
local function less()
  table.sort({ 1, 2 }, less)
end
return function() less() end
