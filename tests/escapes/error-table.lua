-- expect: the policy raised an error that is not a string
return function() error({ code = 1 }) end
