-- expect: element 1 is a nil: only strings and numbers can be joined
-- row: 11
-- attacks: table.concat
return function() return table.concat({}, "", 1, math.maxinteger) end
