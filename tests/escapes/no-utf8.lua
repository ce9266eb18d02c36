-- expect: a policy has no `utf8`
return function() return utf8 end
