-- expect: bad argument #1 to 'min' (number expected, got string)
-- row: 14
-- attacks: math.min
-- Like math.max: Lua's own compares strings too: 250 long ones of zeros took a second and a half inside one call.
return function()
  local s, t = "\0", {}
  for _ = 1, 19 do s = s .. s end
  local a, b = s .. "a", s .. "b"
  for i = 1, 250 do t[i] = i % 2 == 0 and a or b end
  math.min(table.unpack(t))
end
