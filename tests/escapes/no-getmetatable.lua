-- expect: a policy has no `getmetatable`
-- row: 17, 19
return function() return getmetatable end
