-- expect: ratio: not a finite number
return function() return { ratio = math.huge } end
