-- expect: the policy used more than its 50 ms of CPU time
-- row: 1
return function() ::again:: goto again end
