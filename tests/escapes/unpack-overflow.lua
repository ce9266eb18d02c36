-- expect: too many results to unpack (at most 250)
-- row: 11
-- attacks: table.unpack
return function() return table.unpack({}, math.mininteger, math.maxinteger) end
