-- expect: {"ratio":3}
-- row: 12
-- A comparator that contradicts itself cannot keep the sort going, nor lose an element.
return function()
  local t = { 1, 2, 3 }
  table.sort(t, function() return true end)
  return { ratio = #t }
end
