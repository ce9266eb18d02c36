-- expect: {"reason":"function"}
return function()
  local kind = type(pairs)
  pairs, type, require, text = nil, nil, nil, nil
  return { reason = kind }
end
