-- expect: the policy used more than its 50 ms of CPU time
local selector = require "castslice.selector"
local rulebook = require "castslice.rulebook"
return function(pod)
  local labels = {}
  for i = 1, 1000 do labels["k" .. i] = "x" end
  while true do selector.matches(rulebook.selector(labels), pod.labels) end
end
