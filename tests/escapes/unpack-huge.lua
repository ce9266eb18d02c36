-- expect: too many results to unpack (at most 250)
return function() return table.unpack({}, 1, 1 << 60) end
