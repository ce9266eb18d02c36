-- expect: a policy has no `string.gmatch`
-- row: 7
return function() return ("x"):gmatch("x", 1) end
