-- expect: the policy used more than its 50 ms of CPU time
-- attacks: select
local function count(...) return select("#", ...) end
return function()
  local t = {}
  for i = 1, 250 do t[i] = i end
  while true do count(table.unpack(t)) end
end
