-- expect: bad argument #1 to 'data' (a name is made of a to z
-- attacks: castslice.data
return function()
  local s = "../"
  for _ = 1, 17 do s = s .. s end
  return castslice.data(s)
end
