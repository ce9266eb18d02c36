-- expect: {"ratio":4}
-- row: 12
return function()
  local t = { 4, 3, 2, 1 }
  table.sort(t, function(a, b) t[#t] = nil return a < b end)
  return { ratio = #t }
end
