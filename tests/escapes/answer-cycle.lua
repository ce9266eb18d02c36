-- expect: nested too deeply for a decision
return function()
  local t = {}
  t.containers = t
  return t
end
