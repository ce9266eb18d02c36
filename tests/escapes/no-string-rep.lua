-- expect: a policy has no `string.rep`
return function() return ("x"):rep("x", 1) end
