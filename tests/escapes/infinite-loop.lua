-- expect: the policy used more than its 50 ms of CPU time
-- row: 1
return function() while true do end end
