-- expect: ratio: not a finite number
return function() return { ratio = 0 / 0 } end
