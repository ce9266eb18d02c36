-- expect: ratio: not a finite number
-- row: 24
return function() return { ratio = math.huge } end
