-- expect: {"reason":"function"}
-- row: 19
return function()
  local kind = type(pairs)
  pairs, type, require, text = nil, nil, nil, nil
  return { reason = kind }
end
