-- expect: the policy needed more than its 8 MiB of memory
-- row: 13
return function()
  local f
  while true do
    local before = f
    f = function() return before end
  end
end
