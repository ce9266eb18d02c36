-- expect: a policy has no `debug`
return function() return debug end
