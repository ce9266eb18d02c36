-- expect: a policy has no `string.match`
return function() return ("x"):match("x", 1) end
