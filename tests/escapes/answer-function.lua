-- expect: containers.main: a function is not allowed here
-- row: 24
return function() return { containers = { main = function() end } } end
