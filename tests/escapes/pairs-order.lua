-- expect: {"reason":"-1 2.5 10 A a b"}
-- row: 26
return function()
  local seen = {}
  for k in pairs({ b = 1, a = 1, A = 1, [10] = 1, [2.5] = 1, [-1] = 1 }) do seen[#seen + 1] = tostring(k) end
  return { reason = table.concat(seen, " ") }
end
