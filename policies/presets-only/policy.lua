-- Users choose a preset; nobody chooses a number.

local presets = {
  large  = 1,       -- a whole card's worth of work
  medium = 2,
  small  = 4,
}

local text = require "castslice.text"

local names = {}
for name in pairs(presets) do names[#names + 1] = name end
local allowed = table.concat(names, ", ")       -- pairs walks in sorted order

local function decide(pod)
  local annotations = pod.annotations
  if annotations["castops.io/optimize"] ~= "true" then return nil end

  if annotations["castops.io/slice-ratio"] then
    return { deny = "castops.io/slice-ratio is not for this cluster; use castops.io/workload-type: " .. allowed }
  end

  local kind = annotations["castops.io/workload-type"] or "large"
  if not presets[kind] then
    return { invalid = "castops.io/workload-type: " .. text.quote(kind) .. " is not one of " .. allowed }
  end
  return { ratio = presets[kind], reason = "workload-type=" .. kind, rule = kind }
end

return { decide = decide, presets = presets }
