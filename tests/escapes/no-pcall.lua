-- expect: a policy has no `pcall`
-- row: 2, 6
return function() return pcall end
