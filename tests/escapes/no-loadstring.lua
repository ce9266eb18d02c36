-- expect: a policy has no `loadstring`
return function() return loadstring end
