-- expect: a policy has no `load`
return function() return load end
