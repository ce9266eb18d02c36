-- expect: castslice.freeze works only while the bundle loads
-- attacks: castslice.freeze
return function(pod) castslice.freeze(pod) end
