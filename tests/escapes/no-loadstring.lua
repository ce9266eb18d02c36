-- expect: a policy has no `loadstring`
-- row: 18
return function() return loadstring end
