-- expect: attempt to perform arithmetic on a string value
return function(pod) return { ratio = pod.namespace + 1 } end
