-- expect: {"reason":"table function"}
-- row: 26, 27
-- An address would tell where memory lies, and differ between two replicas.
return function() return { reason = tostring({}) .. " " .. tostring(pairs) } end
