--- Names of namespaces, and globs of them: `*` is any number of characters, `?` is one.
-- @module castslice.namespaces
local text = require "castslice.text"

local M = {}

--- Does a name stand for more than itself?
-- @tparam string name
-- @treturn boolean
function M.is_glob(name)
  return text.contains(name, "*") or text.contains(name, "?")
end

--- Is `name` one of the list?
-- @tparam {string,…} list names and globs
-- @tparam string name
-- @treturn boolean
-- @usage namespaces.matches({ "default", "team-*" }, pod.namespace)
function M.matches(list, name)
  for i = 1, #list do
    if text.glob(name, list[i]) then return true end
  end
  return false
end

return M
