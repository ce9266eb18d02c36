-- How many slices does a Pod get for each whole GPU it asked for?
-- castops.io/slice-ratio says it as a number, castops.io/workload-type by a name below.

local presets = {
  training  = 4,
  inference = 2,
  batch     = 2,
  dev       = 1,
}
local default_ratio = 1
local max_ratio = 1024

local text = require "castslice.text"

local function names(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

-- A value nobody understands is the Pod author's mistake: the Pod is refused with this sentence.
local function invalid(annotation, value, allowed)
  return { invalid = annotation .. ": " .. text.quote(value) .. " is not " .. allowed }
end

return function(pod)
  local annotations = pod.annotations
  if annotations["castops.io/optimize"] ~= "true" then return nil end

  local ratio = annotations["castops.io/slice-ratio"]
  if ratio then
    local n = text.integer(ratio, 1, max_ratio)
    if not n then return invalid("castops.io/slice-ratio", ratio, "a whole number from 1 to " .. max_ratio) end
    return { ratio = n, reason = "slice-ratio=" .. n }
  end

  local kind = annotations["castops.io/workload-type"]
  if kind then
    local n = presets[kind]
    if not n then return invalid("castops.io/workload-type", kind, "one of " .. names(presets)) end
    return { ratio = n, reason = "workload-type=" .. kind }
  end

  return { ratio = default_ratio, reason = "default" }
end
