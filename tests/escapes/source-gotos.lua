-- expect: must return a function of one Pod
-- row: 21
-- generates the source
-- Every label looks at every goto that is open.
local parts = {}
for i = 1, 16000 do parts[i] = "goto e" end
for i = 1, 16000 do parts[#parts + 1] = "::l" .. i .. ":: x()" end
return "do " .. table.concat(parts, "\n") .. " ::e:: end"
