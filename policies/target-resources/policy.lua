-- Which resource a Pod gets is its label's choice: time-sliced shares, or a MIG slice of its own.
-- NVIDIA's device plugin offers these names (a dot, not a dash, in gpu.shared).

local classes = {
  shared      = { resource = "nvidia.com/gpu.shared",   ratio = 1 },
  ["mig-1g"]  = { resource = "nvidia.com/mig-1g.5gb",   ratio = 1 },
  ["mig-3g"]  = { resource = "nvidia.com/mig-3g.20gb",  ratio = 1 },
}
local default_class = "shared"

local text = require "castslice.text"

local names = {}
for name in pairs(classes) do names[#names + 1] = name end
local allowed = table.concat(names, ", ")

local function decide(pod)
  if pod.annotations["castops.io/optimize"] ~= "true" then return nil end
  local class = pod.labels["castops.io/gpu-class"] or default_class
  local chosen = classes[class]
  if not chosen then
    return { invalid = "label castops.io/gpu-class: " .. text.quote(class) .. " is not one of " .. allowed }
  end
  return { ratio = chosen.ratio, resource = chosen.resource, rule = class, reason = "gpu-class=" .. class }
end

return { decide = decide, resource = classes[default_class].resource }
