-- expect: a policy has no `string.gsub`
return function() return ("x"):gsub("x", 1) end
