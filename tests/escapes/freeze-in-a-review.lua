-- expect: castslice.freeze works only while the bundle loads
-- attacks: castslice.freeze
return function() return castslice.freeze { ratio = 1 } end
