-- expect: a policy has no `package`
return function() return package end
