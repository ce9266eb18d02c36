-- expect: compiled Lua is not accepted; give the source
-- row: 18
-- generates the source
return string.dump(function() end)
