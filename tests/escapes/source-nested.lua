-- expect: C stack overflow
-- row: 21
-- generates the source
return "return " .. ("("):rep(200000) .. "1" .. (")"):rep(200000)
