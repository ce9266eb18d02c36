-- expect: {"ratio":1}
local runs = 0
return function()
  runs = runs + 1
  return { ratio = runs }
end
