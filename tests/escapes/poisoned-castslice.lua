-- expect: {"ratio":1}
-- row: 19
local rules = require "castslice.rules"
return function()
  local ratio = castslice.note() and 2 or 1
  castslice.note = function() return true end
  rules.first = nil
  return { ratio = ratio }
end
