-- expect: there is no module `../../etc/passwd`
-- row: 28
return function() return require "../../etc/passwd" end
