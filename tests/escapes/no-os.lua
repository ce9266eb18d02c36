-- expect: a policy has no `os`
-- row: 26
return function() return os end
