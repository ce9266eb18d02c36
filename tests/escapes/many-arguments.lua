-- expect: the policy used more than its 50 ms of CPU time
-- row: 13
local function more(...) return more(1, 2, 3, 4, 5, 6, 7, 8, ...) end
return function() return more() end
