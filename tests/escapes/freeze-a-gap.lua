-- expect: the keys of a frozen table are all strings, or 1 to n without a gap
-- attacks: castslice.freeze
castslice.freeze { [1] = 1, [3] = 3 }
return function() end
