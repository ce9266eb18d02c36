-- expect: a policy has no `collectgarbage`
-- row: 28
return function() return collectgarbage end
