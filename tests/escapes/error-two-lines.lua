-- expect: first
-- row: 25
return function() error("first\nsecond") end
