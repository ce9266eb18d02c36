-- expect: a policy has no `debug`
-- row: 28
return function() return debug end
