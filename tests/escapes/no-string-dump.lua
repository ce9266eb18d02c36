-- expect: a policy has no `string.dump`
return function() return ("x"):dump("x", 1) end
