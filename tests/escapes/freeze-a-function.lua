-- expect: a function cannot be frozen
-- attacks: castslice.freeze
castslice.freeze { f = function() end }
return function() end
