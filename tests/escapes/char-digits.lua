-- expect: bad argument #1 to 'char' (number expected, got string)
-- row: 14
-- attacks: string.char
-- Lua's own turns strings into numbers: 250 long ones took a quarter of a second inside one call.
return function()
  local s, t = "0", {}
  for _ = 1, 19 do s = s .. s end
  s = s .. "65"
  for i = 1, 250 do t[i] = s end
  string.char(table.unpack(t))
end
