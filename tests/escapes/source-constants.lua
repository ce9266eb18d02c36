-- expect: the policy made a table of more than
-- row: 21
-- generates the source
local parts = {}
for i = 1, 1000000 do parts[i] = i .. ".5," end
return "return {" .. table.concat(parts) .. "}"
