-- expect: {"ratio":3,"reason":"1 ab 2.5 true table nil 2"}
local t = castslice.freeze { list = { 1, 2 }, ["a\0b"] = "ab", n = 2.5, b = true, [""] = {} }
return function()
  local sum = 0
  for _, v in ipairs(t.list) do sum = sum + v end
  local s = t.list[1] .. " " .. t["a\0b"] .. " " .. t.n .. " " .. tostring(t.b) .. " " .. type(t[""]) .. " "
  return { ratio = sum, reason = s .. tostring(t.a) .. " " .. #t.list }
end
