-- expect: bad argument #1 to 'data' (a name is made of a to z
-- attacks: castslice.data
return function() return castslice.data "policy\0x" end
