-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- Memory full of small tables, then a little garbage again and again: each
-- refusal makes Lua collect everything, which no hook interrupts.
return function()
  local t = {}
  for i = 1, 85000 do t[i] = {} end
  while true do local _ = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } end
end
