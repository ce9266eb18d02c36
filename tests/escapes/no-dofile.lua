-- expect: a policy has no `dofile`
-- row: 18
return function() return dofile end
