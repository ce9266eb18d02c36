-- How thin a GPU may be cut depends on the namespace: first match wins.

local tiers = {
  { name = "production",  namespaces = { "prod", "prod-*" },         max = 1 },
  { name = "staging",     namespaces = { "staging", "staging-*" },   max = 2 },
  { name = "development", namespaces = { "dev", "dev-*", "*-dev" },  max = 8, enrol = true },
}
local other = { name = "other", max = 4 }

local text = require "castslice.text"

local function tier_of(namespace)
  for _, tier in ipairs(tiers) do
    for _, pattern in ipairs(tier.namespaces) do
      if text.glob(namespace, pattern) then return tier end
    end
  end
  return other
end

return function(pod)
  local tier = tier_of(pod.namespace)
  local opted_in = pod.annotations["castops.io/optimize"] == "true"
  if not opted_in and not tier.enrol then return nil end

  local asked = pod.annotations["castops.io/slice-ratio"]
  local ratio = asked and text.integer(asked, 1, 1024) or tier.max
  if asked and not text.integer(asked, 1, 1024) then
    return { invalid = "castops.io/slice-ratio: " .. text.quote(asked) .. " is not a whole number from 1 to 1024" }
  end

  local decision = { ratio = math.min(ratio, tier.max), rule = tier.name, reason = "tier " .. tier.name }
  if ratio > tier.max then
    local warning = "slice-ratio " .. ratio .. " is more than " .. tier.name .. " allows; it became " .. tier.max
    decision.warnings = { warning }
  end
  return decision
end
