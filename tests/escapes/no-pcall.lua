-- expect: a policy has no `pcall`
return function() return pcall end
