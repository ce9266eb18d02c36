-- expect: warnings: the keys of a table are all strings, or 1 to n without a gap
-- row: 24
return function() return { warnings = { "a", b = "c" } } end
