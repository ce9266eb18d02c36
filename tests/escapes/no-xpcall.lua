-- expect: a policy has no `xpcall`
return function() return xpcall end
