--- The rules of a `policy.json`, as a policy asks for them. What a rule may say: docs/rules.md.
-- @module castslice.rules
local castslice = require "castslice"
local namespaces = require "castslice.namespaces"
local selector = require "castslice.selector"

local M = {}

-- ---- conditions: all that a rule has must hold ------------------------------

local holds = {}

function holds.namespaces(list, pod)
  return namespaces.matches(list, pod.namespace)
end

function holds.labelSelector(requirements, pod)
  return (selector.matches(requirements, pod.labels))
end

function holds.gpus(range, pod)
  return pod.gpus >= range.min and pod.gpus <= range.max
end

function holds.owner(kinds, pod)
  return pod.owner ~= nil and namespaces.matches(kinds, pod.owner.kind)
end

-- A manifest leaves out what the API server fills in.
function holds.serviceAccount(names, pod)
  return namespaces.matches(names, pod.service_account == "" and "default" or pod.service_account)
end

function holds.containers(names, pod)
  for _, c in ipairs(pod.containers) do
    if c.gpus > 0 and namespaces.matches(names, c.name) then return true end
  end
  return false
end

function holds.requireOptIn(_, pod)
  return pod.annotations["castops.io/optimize"] == "true"
end

-- The first condition that does not hold, from the one at `from`; nil when all do.
local function mismatch(rule, pod, from)
  local conditions = rule.conditions
  for i = from, #conditions do
    local name = conditions[i]
    if not holds[name](rule[name], pod) then return name end
  end
end

-- ---- finding ------------------------------------------------------------------

local none = {}

-- Two ascending lists, taken as one: the rules that name this namespace, and those that any may match.
local function find(book, pod)
  local here, anywhere = book.by_namespace[pod.namespace] or none, book.anywhere
  local h, a = 1, 1
  local next_here, next_anywhere = here[1], anywhere[1]
  while next_here or next_anywhere do
    local from, index
    if next_here and not (next_anywhere and next_anywhere < next_here) then
      from, index, h = 2, next_here, h + 1
      next_here = here[h]
    else
      from, index, a = 1, next_anywhere, a + 1
      next_anywhere = anywhere[a]
    end
    local rule = book.rules[index]
    if not mismatch(rule, pod, from) then return rule end
  end
end

--- The first rule that matches a Pod. Who runs `castslice review` is told why the earlier ones did not.
-- @tparam book book from `rules.load`
-- @tparam pod pod
-- @treturn rule|nil
function M.first(book, pod)
  local rule = find(book, pod)
  if castslice.note() then
    require("castslice.rulebook").explain(book, pod, rule, mismatch, castslice.note)
  end
  return rule
end

-- ---- carrying out ----------------------------------------------------------------

-- Every container that asks for GPUs and is none of the rule's keeps them.
local function others(names, pod)
  local left
  for _, c in ipairs(pod.containers) do
    if not namespaces.matches(names, c.name) then
      left = left or {}
      left[c.name] = false
    end
  end
  return left
end

--- What a rule that stops decides: it denies, leaves the Pod alone, or has nothing but a warning.
-- @tparam rule rule
-- @tparam boolean opted_in the Pod asked to be shared, so a mere warning does not stop it
-- @treturn decision|nil nil when the rule lets go on
function M.stop(rule, opted_in)
  if rule.deny then return { deny = rule.deny, rule = rule.name, warnings = rule.warn } end
  if rule.skip then return { rule = rule.name, reason = "rule " .. rule.name .. ": skip", warnings = rule.warn } end
  if not opted_in and not rule.enrols then
    return { rule = rule.name, reason = "rule " .. rule.name .. ": warns only", warnings = rule.warn }
  end
end

--- The decision to give `ratio` slices, with all that the rule adds.
-- @tparam rule|nil rule
-- @tparam pod pod
-- @tparam integer ratio
-- @tparam string reason
-- @treturn decision
function M.rewrite(rule, pod, ratio, reason)
  if not rule then return { ratio = ratio, reason = reason } end
  return {
    ratio = ratio, reason = reason, rule = rule.name, resource = rule.resource, warnings = rule.warn,
    containers = rule.containers and others(rule.containers, pod),
  }
end

--- The rules of the bundle's `NAME.json`, checked; nil when there is no such file. Call it while the bundle loads.
-- @tparam string name
-- @tparam {[string]=integer} presets what `workloadType` may name
-- @treturn book|nil
function M.load(name, presets)
  local data = castslice.data(name)
  if data == nil then return nil end
  local rulebook = require "castslice.rulebook"
  local file, note = name .. ".json", castslice.note() and castslice.note
  local book = rulebook.read(data, presets, file, note)
  if note then rulebook.lint(book, file, note) end
  return castslice.freeze(book)
end

return M
