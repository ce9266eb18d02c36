-- expect: the policy used more than its 50 ms of CPU time
-- attacks: math.abs, math.ceil, math.floor, math.fmod, math.type
local abs, ceil, floor, fmod, kind = math.abs, math.ceil, math.floor, math.fmod, math.type
return function()
  local huge, tiny = 1.7976931348623157e308, 2.2250738585072014e-308
  while true do
    local _ = abs(math.mininteger), ceil(-huge), floor(huge), fmod(huge, tiny), fmod(math.mininteger, -1), kind(huge)
  end
end
