-- expect: a policy has no `table.move`
-- row: 11
return function() return table.move({}, 1, 1 << 50, 2) end
