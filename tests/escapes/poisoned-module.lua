-- expect: {"ratio":3}
-- row: 19
local text = require "castslice.text"
return function()
  local n = text.integer("3")
  text.integer = function() return 1000 end
  return { ratio = n }
end
