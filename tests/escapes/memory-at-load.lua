-- expect: loading the policy needed more than its 8 MiB of memory
-- row: 23
local t = {}
while true do t[#t + 1] = {} end
