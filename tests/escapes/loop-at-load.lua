-- expect: loading the policy used more than its 1000 ms of CPU time
while true do end
