-- expect: a policy has no `print`
return function() return print end
