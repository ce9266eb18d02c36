-- expect: containers.main: a function is not allowed here
return function() return { containers = { main = function() end } } end
