-- expect: a policy has no `string.format`
return function() return ("x"):format("x", 1) end
