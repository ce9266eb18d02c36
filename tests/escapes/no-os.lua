-- expect: a policy has no `os`
return function() return os end
