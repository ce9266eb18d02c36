-- expect: the policy needed more than its 8 MiB of memory
-- row: 13
-- attacks: string.byte
return function()
  local s = "X"
  for _ = 1, 20 do s = s .. (#s < 1 << 19 and s or "") end
  return s:byte(1, -1)
end
