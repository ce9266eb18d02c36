-- expect: bad ? byte
-- row: 25
return function() error("bad \xff byte") end
