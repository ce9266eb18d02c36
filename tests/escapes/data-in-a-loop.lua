-- expect: the policy used more than its 50 ms of CPU time
-- attacks: castslice.data
return function()
  while true do castslice.data "policy" end
end
