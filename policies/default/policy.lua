-- How many slices does a Pod get for each whole GPU it asked for?
-- castops.io/slice-ratio says it as a number, castops.io/workload-type by a name below; a rule, either way.

local presets = {
  training  = 4,
  inference = 2,
  batch     = 2,
  dev       = 1,
}
local default_ratio = 1
local max_ratio = 1024

local castslice = require "castslice"
local text = require "castslice.text"

-- Beside this file may lie a policy.json: rules that enrol Pods without an annotation (docs/rules.md).
local rules, book
if castslice.data "policy" ~= nil then
  rules = require "castslice.rules"
  book = rules.load("policy", presets)
end

local names = {}
for name in pairs(presets) do names[#names + 1] = name end
table.sort(names)
local one_of_presets = "one of " .. table.concat(names, ", ")

-- A value nobody understands is the Pod author's mistake: the Pod is refused with this sentence.
local function invalid(annotation, value, allowed)
  return { invalid = annotation .. ": " .. text.quote(value) .. " is not " .. allowed }
end

local function decide(pod)
  local annotations = pod.annotations
  local opted_in = annotations["castops.io/optimize"] == "true"
  local rule = book and rules.first(book, pod)
  local stop = rule and rules.stop(rule, opted_in)
  if stop or not (opted_in or rule) then return stop end

  local reason
  local ratio = annotations["castops.io/slice-ratio"]
  local kind = not ratio and annotations["castops.io/workload-type"]
  if ratio then
    local n = text.integer(ratio, 1, max_ratio)
    if not n then return invalid("castops.io/slice-ratio", ratio, "a whole number from 1 to " .. max_ratio) end
    ratio, reason = n, "slice-ratio=" .. ratio
  elseif kind then
    ratio, reason = presets[kind], "workload-type=" .. kind
    if not ratio then return invalid("castops.io/workload-type", kind, one_of_presets) end
  elseif rule and rule.sliceRatio then
    ratio, reason = rule.sliceRatio, "rule " .. rule.name .. ": sliceRatio=" .. rule.sliceRatio
  elseif rule and rule.workloadType then
    ratio, reason = presets[rule.workloadType], "rule " .. rule.name .. ": workloadType=" .. rule.workloadType
  else
    ratio, reason = default_ratio, "default"
  end
  if not rule then return { ratio = ratio, reason = reason } end
  return rules.rewrite(rule, pod, ratio, reason)
end

return { decide = decide, presets = presets, resource = book and book.resource }
