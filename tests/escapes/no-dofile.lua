-- expect: a policy has no `dofile`
return function() return dofile end
