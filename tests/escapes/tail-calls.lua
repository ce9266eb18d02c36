-- expect: the policy used more than its 50 ms of CPU time
-- row: 1
local function again() return again() end
return function() return again() end
