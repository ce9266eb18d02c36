-- expect: {"ratio":1}
return function() return { ratio = castslice.data "policy" == nil and 1 or 2 } end
