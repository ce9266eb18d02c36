-- expect: a policy has no `rawset`
-- row: 19
return function() return rawset end
