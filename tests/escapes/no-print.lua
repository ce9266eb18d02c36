-- expect: a policy has no `print`
-- row: 25
return function() return print end
