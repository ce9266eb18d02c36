-- expect: a policy has no `rawequal`
return function() return rawequal end
