-- expect: ratio: not a finite number
-- row: 24
return function() return { ratio = 0 / 0 } end
