-- expect: must return a function of one Pod
-- row: 21
-- generates the source
return "--[[" .. ("x"):rep(10000000) .. "]]"
