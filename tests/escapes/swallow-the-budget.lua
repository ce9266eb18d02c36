-- expect: a policy has no `pcall`
-- row: 2, 6
return function()
  while true do pcall(function() while true do end end) end
end
