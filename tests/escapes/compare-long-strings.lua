-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
return function()
  local a = "x"
  for _ = 1, 19 do a = a .. a end
  local b, c = a .. "b", a .. "b"
  while true do
    local _ = b == c; _ = b == c; _ = b == c; _ = b == c; _ = b == c; _ = b == c; _ = b == c; _ = b == c
  end
end
