-- expect: first
return function() error("first\nsecond") end
