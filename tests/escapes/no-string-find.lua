-- expect: a policy has no `string.find`
-- row: 7, 9
return function() return ("x"):find("x", 1) end
