-- expect: {"reason":"X"}
-- row: 19
-- The second run must not see what the first one did.
return function()
  local reason = ("x"):upper()
  string.upper = function() return "poisoned" end
  return { reason = reason }
end
