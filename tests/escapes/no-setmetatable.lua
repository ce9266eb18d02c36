-- expect: a policy has no `setmetatable`
-- row: 11, 12, 15, 17
return function() return setmetatable end
