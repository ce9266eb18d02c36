-- expect: a policy has no `string.find`
return function() return ("x"):find("x", 1) end
