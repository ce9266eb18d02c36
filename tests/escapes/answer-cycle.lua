-- expect: nested too deeply for a decision
-- row: 24
return function()
  local t = {}
  t.containers = t
  return t
end
