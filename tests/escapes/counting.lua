-- expect: {"ratio":1}
-- row: 29
local runs = 0
return function()
  runs = runs + 1
  return { ratio = runs }
end
