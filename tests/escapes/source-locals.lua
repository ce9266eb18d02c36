-- expect: too many local variables
-- row: 21
-- generates the source
local parts = {}
for i = 1, 100000 do parts[i] = "local v" .. i .. " = 1\n" end
return table.concat(parts)
