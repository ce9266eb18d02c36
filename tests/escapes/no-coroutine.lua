-- expect: a policy has no `coroutine`
-- row: 4, 5, 6
return function() return coroutine end
