-- expect: a policy has no `package`
-- row: 28
return function() return package end
