-- expect: the policy used more than its 50 ms of CPU time
-- row: 14
-- Thirty tables at the brink: each grows in one instruction, and no hook looks between them.
return function()
  local apart = (1 << 12) - 1
  local function brink()
    local t = {}
    for j = 1, 1 << 11 do t[j * apart] = true end
    return t
  end
  local a, b, c, d, e, f, g, h = brink(), brink(), brink(), brink(), brink(), brink(), brink(), brink()
  local i, j, k, l, m, n, o, p = brink(), brink(), brink(), brink(), brink(), brink(), brink(), brink()
  a[0.5], b[0.5], c[0.5], d[0.5], e[0.5], f[0.5], g[0.5], h[0.5] = 1, 1, 1, 1, 1, 1, 1, 1
  i[0.5], j[0.5], k[0.5], l[0.5], m[0.5], n[0.5], o[0.5], p[0.5] = 1, 1, 1, 1, 1, 1, 1, 1
  return { ratio = 2 }
end
