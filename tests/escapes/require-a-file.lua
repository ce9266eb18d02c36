-- expect: there is no module `../../etc/passwd`; there is castslice, 
return function() return require "../../etc/passwd" end
