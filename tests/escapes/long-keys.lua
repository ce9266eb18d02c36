-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
return function()
  local s, t = "x", {}
  for _ = 1, 19 do s = s .. s end
  local i = 0
  while true do
    i = i + 1
    t[s .. i] = nil
  end
end
