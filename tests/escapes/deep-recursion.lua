-- expect: stack overflow: functions call one another without end
-- row: 20
local function down(n) return 1 + down(n + 1) end
return function() return down(1) end
