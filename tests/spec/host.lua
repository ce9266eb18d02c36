--- Stands in for the host where library and policies run in a plain Lua interpreter: `castslice` without a bundle.
local M = { data = {}, listening = false, notes = {} }

package.preload["castslice"] = function()
  return {
    data = function(name) return M.data[name] end,
    freeze = function(value) return value end,
    note = function(line)
      if M.listening and line then M.notes[#M.notes + 1] = line end
      return M.listening
    end,
  }
end

--- A Pod as the host shows it, with what `fields` says in place of what most Pods have.
function M.pod(fields)
  local pod = {
    name = "p", namespace = "default", labels = {}, annotations = {}, service_account = "", gpus = 1,
    containers = { { name = "main", gpus = 1 } },
  }
  for key, value in pairs(fields or {}) do pod[key] = value end
  return pod
end

return M
