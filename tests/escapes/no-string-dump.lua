-- expect: a policy has no `string.dump`
-- row: 18
return function() return ("x"):dump("x", 1) end
