-- expect: a policy has no `getmetatable`
return function() return getmetatable end
