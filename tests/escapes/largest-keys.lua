-- expect: {"ratio":2,"reason":"integer float"}
-- row: 26
-- attacks: next, pairs
-- The largest integer rounds to the float 2^63: two keys all the same, and in one order.
return function()
  local t, reason, count = { [2 ^ 63] = "float", [math.maxinteger] = "integer" }, {}, 0
  for _, word in pairs(t) do reason[#reason + 1] = word end
  local k = next(t)
  while k do k, count = next(t, k), count + 1 end
  return { reason = table.concat(reason, " "), ratio = count }
end
