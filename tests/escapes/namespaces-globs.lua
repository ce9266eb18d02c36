-- expect: the policy used more than its 50 ms of CPU time
local namespaces = require "castslice.namespaces"
return function()
  local s = "a"
  for _ = 1, 18 do s = s .. s end
  while true do namespaces.matches({ "*a*b" }, s) end
end
