-- expect: reason: not valid UTF-8
return function() return { reason = "\xff" } end
