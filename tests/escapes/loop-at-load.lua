-- expect: loading the policy used more than its 1000 ms of CPU time
-- row: 4
while true do end
