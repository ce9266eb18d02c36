-- expect: a policy has no `load`
-- row: 18
return function() return load end
