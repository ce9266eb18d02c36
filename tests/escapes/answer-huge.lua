-- expect: warnings: too large for a decision
-- row: 24
return function()
  local t = {}
  for i = 1, 100000 do t[i] = "x" end
  return { warnings = t }
end
