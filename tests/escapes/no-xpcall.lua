-- expect: a policy has no `xpcall`
-- row: 3
return function() return xpcall end
