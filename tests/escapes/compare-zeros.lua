-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- strcoll() takes strings of zeros one byte at a time: milliseconds for one instruction.
return function()
  local a = "\0"
  for _ = 1, 19 do a = a .. a end
  local b, c = a .. "b", a .. "c"
  while true do
    local _ = b < c; _ = b < c; _ = b < c; _ = b < c; _ = b < c; _ = b < c; _ = b < c; _ = b < c
  end
end
