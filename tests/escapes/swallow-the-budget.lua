-- expect: a policy has no `pcall`
return function()
  while true do pcall(function() while true do end end) end
end
