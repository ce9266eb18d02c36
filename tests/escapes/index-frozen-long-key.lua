-- expect: the policy used more than its 50 ms of CPU time
local s = "x"
for _ = 1, 18 do s = s .. s end
local t = castslice.freeze { [s] = 1, [s .. "y"] = 2, [s .. "z"] = 3 }
return function()
  local n = 0
  while true do n = n + t[s] end
end
