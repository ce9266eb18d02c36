-- expect: bad ? byte
return function() error("bad \xff byte") end
