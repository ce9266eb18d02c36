-- expect: a policy has no `loadfile`
-- row: 18
return function() return loadfile end
