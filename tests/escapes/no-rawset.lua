-- expect: a policy has no `rawset`
return function() return rawset end
