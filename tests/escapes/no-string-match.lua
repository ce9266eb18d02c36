-- expect: a policy has no `string.match`
-- row: 7, 9
return function() return ("x"):match("x", 1) end
