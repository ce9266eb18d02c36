-- expect: a policy has no `collectgarbage`
return function() return collectgarbage end
