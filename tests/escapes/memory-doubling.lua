-- expect: the policy made a string longer than 1 MiB
return function()
  local s = "x"
  while true do s = s .. s end
end
