-- expect: reason: not valid UTF-8
-- row: 24
return function() return { reason = "\xff" } end
