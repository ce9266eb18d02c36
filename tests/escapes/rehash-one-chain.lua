-- expect: the policy made a table of more than
-- row: 14
-- Every key is a multiple of 2^16 - 1: in order while the hash part is smaller, all in one chain once it has 2^16
-- entries. The one instruction that makes it grow would fill it for 1.5 s.
return function()
  local t, apart = {}, (1 << 16) - 1
  for j = 1, (1 << 15) + 1 do t[j * apart] = true end
end
