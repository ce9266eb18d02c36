-- expect: there is no module `xxxx
-- attacks: require
return function()
  local s = "x"
  for _ = 1, 18 do s = s .. s end
  return require(s)
end
