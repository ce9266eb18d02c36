-- expect: a policy has no `string.reverse`
return function() return ("x"):reverse("x", 1) end
