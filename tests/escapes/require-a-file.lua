-- expect: there is no module `../../etc/passwd`; there is castslice.text
return function() return require "../../etc/passwd" end
