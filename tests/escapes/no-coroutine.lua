-- expect: a policy has no `coroutine`
return function() return coroutine end
