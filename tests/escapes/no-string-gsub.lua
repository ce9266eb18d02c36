-- expect: a policy has no `string.gsub`
-- row: 7
return function() return ("x"):gsub("x", 1) end
