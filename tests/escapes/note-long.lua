-- expect: {"ratio":1}
-- row: 25
-- attacks: castslice.note
return function()
  local s = "\xC3\xA4"
  for _ = 1, 17 do s = s .. s end
  for _ = 1, 1000 do castslice.note(s) end
  return { ratio = 1 }
end
