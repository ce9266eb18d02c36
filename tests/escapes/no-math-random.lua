-- expect: a policy has no `math.random`
-- row: 26
return function() return { ratio = math.random(4) } end
