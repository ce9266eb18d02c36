-- expect: {"ratio":1}
-- attacks: castslice.data
return function() return { ratio = castslice.data "policy" == nil and 1 or 2 } end
