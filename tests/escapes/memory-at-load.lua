-- expect: loading the policy needed more than its 8 MiB of memory
local t = {}
while true do t[#t + 1] = {} end
