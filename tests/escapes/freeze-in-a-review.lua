-- expect: castslice.freeze works only while the bundle loads
return function() return castslice.freeze { ratio = 1 } end
