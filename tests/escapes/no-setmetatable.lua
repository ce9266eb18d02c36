-- expect: a policy has no `setmetatable`
return function() return setmetatable end
