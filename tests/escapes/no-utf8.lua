-- expect: a policy has no `utf8`
-- row: 14
return function() return utf8 end
