-- expect: a policy has no `rawget`
return function() return rawget end
