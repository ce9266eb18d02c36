-- expect: {"ratio":1}
-- row: 8
-- 100,000 spaces around one letter: with a pattern this took minutes.
return function(pod) return { ratio = #text.trim(pod.annotations.spaces) } end
