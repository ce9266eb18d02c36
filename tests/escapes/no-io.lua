-- expect: a policy has no `io`
return function() return io end
