-- expect: {"ratio":1}
-- row: 8
-- 100,000 commas.
return function(pod) return { ratio = text.contains(pod.annotations.commas, ",;") and 2 or 1 } end
