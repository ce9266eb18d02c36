-- expect: the policy needed more than its 8 MiB of memory
-- row: 13
return function()
  local t, s = {}, "x"
  for _ = 1, 18 do s = s .. s end
  while true do t[#t + 1] = s .. #t end
end
