-- expect: a policy has no `io`
-- row: 26
return function() return io end
