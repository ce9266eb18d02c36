-- expect: a policy has no `loadfile`
return function() return loadfile end
