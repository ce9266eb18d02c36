-- expect: a policy has no `string.rep`
-- row: 10
return function() return ("x"):rep("x", 1) end
