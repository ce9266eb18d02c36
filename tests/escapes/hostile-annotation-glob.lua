-- expect: {"ratio":1}
-- row: 8
return function(pod) return { ratio = text.glob(pod.annotations.commas, "*,*,*,*,*,*,*,x") and 2 or 1 } end
