-- expect: a policy has no `string.format`
-- row: 27
return function() return ("x"):format("x", 1) end
