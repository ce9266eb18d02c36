-- By day interactive Pods have the GPUs nearly to themselves; by night batch work may have them.

local hours = require "hours"

local ratios = {
  office = { interactive = 2, batch = 8 },
  night  = { interactive = 4, batch = 2 },
}

local text = require "castslice.text"

return function(pod)
  if pod.annotations["castops.io/optimize"] ~= "true" then return nil end
  local kind = pod.labels["castops.io/use"] or "interactive"
  local ratio = ratios[hours][kind]
  if not ratio then
    return { invalid = "label castops.io/use: " .. text.quote(kind) .. " is not interactive or batch" }
  end
  return { ratio = ratio, rule = hours, reason = kind .. " at " .. hours .. " hours" }
end
