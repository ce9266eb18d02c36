-- expect: the policy used more than its 50 ms of CPU time
local rulebook = require "castslice.rulebook"
return function()
  local list = {}
  for i = 1, 500 do list[i] = { sliceRatio = 1, namespaces = { "*" .. i } } end
  while true do rulebook.read({ rules = list }, {}, "policy.json") end
end
