-- expect: a policy has no `string.gmatch`
return function() return ("x"):gmatch("x", 1) end
