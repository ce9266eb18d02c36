-- expect: the policy used more than its 50 ms of CPU time
local function again() return again() end
return function() return again() end
