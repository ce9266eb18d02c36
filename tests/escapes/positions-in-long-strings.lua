-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: table.insert, table.remove, table.concat, table.unpack, math.abs, math.floor, math.fmod, select, text.integer
-- A position may be a string of digits too.
return function()
  local one = " "
  for _ = 1, 18 do one = one .. one end
  one = one .. "1"
  local t = { 1 }
  while true do
    table.insert(t, one, 1)
    table.remove(t, one)
    table.concat(t, "", one, one)
    table.unpack(t, one, one)
    math.fmod(one, one)
    local _ = math.abs(one), math.floor(one), select(one, 1), text.integer("1", one, one)
  end
end
