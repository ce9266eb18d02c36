-- expect: {"reason":"table function"}
-- An address would tell where memory lies, and differ between two replicas.
return function() return { reason = tostring({}) .. " " .. tostring(pairs) } end
