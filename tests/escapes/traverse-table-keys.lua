-- expect: a table with a table as a key has no order to traverse it in
-- row: 26
return function() for _ in pairs({ [{}] = 1 }) do end end
