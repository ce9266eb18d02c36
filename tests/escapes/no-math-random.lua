-- expect: a policy has no `math.random`
return function() return { ratio = math.random(4) } end
