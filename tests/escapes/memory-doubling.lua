-- expect: the policy made a string longer than 1 MiB
-- row: 13
return function()
  local s = "x"
  while true do s = s .. s end
end
