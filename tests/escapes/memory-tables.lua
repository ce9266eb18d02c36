-- expect: the policy needed more than its 8 MiB of memory
-- row: 13
return function()
  local t = {}
  while true do t[#t + 1] = {} end
end
