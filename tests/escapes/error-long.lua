-- expect: error-long.lua:7: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
-- row: 25
-- attacks: error
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  error(s)
end
