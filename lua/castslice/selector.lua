--- Kubernetes label selectors, with the API's own meaning: `NotIn` and `DoesNotExist` also match when the label is
-- absent, all requirements must hold, and an empty selector matches everything.
-- @module castslice.selector
local M = {}

local holds = {
  In = function(r, value) return value ~= nil and r.set[value] == true end,
  NotIn = function(r, value) return value == nil or not r.set[value] end,
  Exists = function(_, value) return value ~= nil end,
  DoesNotExist = function(_, value) return value == nil end,
}

--- Do the labels satisfy a selector?
-- @tparam {requirement,…} requirements from `rulebook.selector`
-- @tparam {[string]=string} labels
-- @treturn boolean
-- @treturn requirement|nil the first that does not hold
function M.matches(requirements, labels)
  for i = 1, #requirements do
    local r = requirements[i]
    if not holds[r.operator](r, labels[r.key]) then return false, r end
  end
  return true
end

return M
