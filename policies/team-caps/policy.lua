-- No Pod holds more shares than its team may have: castops.io/team names the team, caps.lua the numbers.

local caps = require "caps"
local presets = { training = 4, inference = 2, batch = 2, dev = 1 }
local default_cap = 1

local text = require "castslice.text"

return function(pod)
  local annotations = pod.annotations
  if annotations["castops.io/optimize"] ~= "true" then return nil end

  local kind = annotations["castops.io/workload-type"]
  local ratio = presets[kind or "dev"]
  if not ratio then
    local allowed = "one of batch, dev, inference, training"
    return { invalid = "castops.io/workload-type: " .. text.quote(kind) .. " is not " .. allowed }
  end

  local team = pod.labels["castops.io/team"]
  local cap = team and caps[team] or default_cap
  local shares = ratio * pod.gpus               -- what the Pod holds at once, sidecars and init containers included
  if shares > cap then
    return { deny = (team and "team " .. text.quote(team) or "a Pod without the label castops.io/team") ..
                    " may hold " .. cap .. (cap == 1 and " share" or " shares") ..
                    " in one Pod, and this one would hold " .. shares ..
                    "; choose a smaller workload-type or fewer GPUs" }
  end
  return { ratio = ratio, reason = shares .. " of " .. cap .. " shares", rule = team or "no team" }
end
