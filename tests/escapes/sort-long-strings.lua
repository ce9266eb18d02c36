-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- attacks: table.sort
-- One comparison of two such strings walks them whole, inside one C function.
return function()
  local a = "\0"
  for _ = 1, 19 do a = a .. a end
  local t = {}
  for i = 1, 5000 do t[i] = a end
  t[1], t[5000] = a .. "a", a .. "b"
  while true do table.sort(t) end
end
