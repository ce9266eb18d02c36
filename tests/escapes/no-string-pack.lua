-- expect: a policy has no `string.pack`
return function() return ("x"):pack("x", 1) end
