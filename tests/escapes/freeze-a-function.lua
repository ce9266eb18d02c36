-- expect: a function cannot be frozen
castslice.freeze { f = function() end }
return function() end
