-- expect: the pod is read-only
return function(pod) table.insert(pod.containers, {}) end
