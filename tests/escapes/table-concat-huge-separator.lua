-- expect: the policy made a string longer than 1 MiB
-- row: 13
-- attacks: table.concat
return function()
  local s = "x"
  for _ = 1, 19 do s = s .. s end
  return table.concat({ 1, 2, 3, 4, 5 }, s)
end
