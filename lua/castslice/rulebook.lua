--- Reading a `policy.json`, and telling people about it: what is needed while a bundle loads and for
-- `castslice review`, but for no review of the server.
-- @module castslice.rulebook
local namespaces = require "castslice.namespaces"
local selector = require "castslice.selector"
local text = require "castslice.text"

local M = {}

local max_ratio = 1024
local byte = string.byte

-- ---- words ----------------------------------------------------------------------

local function sorted(set)
  local list = {}
  for word in pairs(set) do list[#list + 1] = word end
  table.sort(list)
  return list
end

local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local change = diagonal + (byte(a, i) == byte(b, j) and 0 or 1)
      diagonal = row[j]
      row[j] = math.min(change, diagonal + 1, row[j - 1] + 1)
    end
  end
  return row[#b]
end

-- "; did you mean `x`?", or what there is.
local function instead(word, set)
  local known, best, least = sorted(set), nil, 3
  for _, name in ipairs(known) do
    local d = #word <= 40 and distance(word:lower(), name:lower()) or least
    if d < least then best, least = name, d end
  end
  return best and "; did you mean `" .. best .. "`?" or "; there is " .. table.concat(known, ", ")
end

local function is_between(c, first, last)
  return c ~= nil and c >= byte(first) and c <= byte(last)
end

local function is_alphanumeric(c)
  return is_between(c, "a", "z") or is_between(c, "A", "Z") or is_between(c, "0", "9")
end

local function is_made_of(s, test)
  for i = 1, #s do
    if not test(byte(s, i)) then return false end
  end
  return true
end

-- [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, at most 63: apimachinery's IsQualifiedName and IsValidLabelValue.
local function is_short_name(s)
  return #s >= 1 and #s <= 63 and is_alphanumeric(byte(s, 1)) and is_alphanumeric(byte(s, #s))
    and is_made_of(s, function(c) return is_alphanumeric(c) or c == 45 or c == 46 or c == 95 end)
end

local function is_dns_label(s, extra)
  return s ~= "" and byte(s, 1) ~= 45 and byte(s, #s) ~= 45 and is_made_of(s, function(c)
    return is_between(c, "a", "z") or is_between(c, "0", "9") or c == 45 or text.contains(extra, string.char(c))
  end)
end

local function is_subdomain(s)
  if #s > 253 then return false end
  for _, label in ipairs(text.split(s, ".")) do
    if not is_dns_label(label, "") then return false end
  end
  return true
end

local function is_qualified_name(key)
  local parts = text.split(key, "/")
  if #parts > 2 then return false end
  return is_short_name(parts[#parts]) and (#parts == 1 or is_subdomain(parts[1]))
end

-- ---- selectors --------------------------------------------------------------------

-- Each function below returns nil and where, then what is wrong, when something is.

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

local function is_map(value)
  return type(value) == "table" and #value == 0
end

local function pointer(token)
  if type(token) == "number" then return "/" .. (token - 1) end
  return "/" .. table.concat(text.split(table.concat(text.split(token, "~"), "~0"), "/"), "~1")
end

local function check_key(key, at)
  if is_qualified_name(key) then return true end
  return nil, at, text.quote(key) .. " is not a label's key: at most 63 letters, digits, - _ . behind a domain/ or none"
end

local function check_value(value, at)
  if type(value) ~= "string" then return nil, at, "a label's value is a string" end
  if value == "" or is_short_name(value) then return true end
  return nil, at, text.quote(value) .. " is not a label's value: at most 63 letters, digits, - _ ."
end

local function add_map(map, at, requirements)
  for key, value in pairs(map) do
    local here = at .. pointer(key)
    local ok, where, what = check_key(key, here)
    if ok then ok, where, what = check_value(value, here) end
    if not ok then return nil, where, what end
    requirements[#requirements + 1] = { key = key, operator = "In", values = { value }, set = { [value] = true } }
  end
  return true
end

local needs_values = { In = true, NotIn = true, Exists = false, DoesNotExist = false }
local expression_keys = { key = true, operator = true, values = true }

local function add_values(e, at, r)
  local values = e.values == nil and {} or e.values
  if not is_list(values) then return nil, at .. "/values", "must be a list of strings" end
  if needs_values[r.operator] and #values == 0 then return nil, at, r.operator .. " needs at least one of `values`" end
  if not needs_values[r.operator] and #values > 0 then return nil, at .. "/values", r.operator .. " takes no values" end
  for i, value in ipairs(values) do
    local ok, where, what = check_value(value, at .. "/values" .. pointer(i))
    if not ok then return nil, where, what end
    r.values[i], r.set[value] = value, true
  end
  return true
end

local function add_expression(e, at, requirements)
  if not is_map(e) then return nil, at, "must be an object with `key`, `operator` and `values`" end
  for key in pairs(e) do
    if not expression_keys[key] then return nil, at .. pointer(key), "unknown key" .. instead(key, expression_keys) end
  end
  if type(e.key) ~= "string" then return nil, at, "`key` is missing, or no string" end
  if type(e.operator) ~= "string" then return nil, at, "`operator` is missing, or no string" end
  local ok, where, what = check_key(e.key, at .. "/key")
  if not ok then return nil, where, what end
  if needs_values[e.operator] == nil then
    return nil, at .. "/operator", "unknown operator " .. text.quote(e.operator) .. instead(e.operator, needs_values)
  end
  local r = { key = e.key, operator = e.operator, values = {}, set = {} }
  requirements[#requirements + 1] = r
  return add_values(e, at, r)
end

local function is_flat(value)
  for _, v in pairs(value) do
    if type(v) ~= "string" then return false end
  end
  return true
end

local function add_selector(value, requirements)
  if is_flat(value) then return add_map(value, "", requirements) end
  for key in pairs(value) do
    if key ~= "matchLabels" and key ~= "matchExpressions" then
      return nil, pointer(key),
        "must be a string; a selector that is no map of strings has `matchLabels` and `matchExpressions`"
    end
  end
  local labels, expressions = value.matchLabels or {}, value.matchExpressions or {}
  if not is_map(labels) then return nil, "/matchLabels", "must be an object of strings" end
  if not is_list(expressions) then return nil, "/matchExpressions", "must be a list" end
  local ok, where, what = add_map(labels, "/matchLabels", requirements)
  for i, e in ipairs(expressions) do
    if ok then ok, where, what = add_expression(e, "/matchExpressions" .. pointer(i), requirements) end
  end
  return ok, where, what
end

--- A label selector, checked as the API server checks one.
-- @tparam table value a flat map of label to value, or `matchLabels` and `matchExpressions`
-- @treturn {requirement,…}|nil what `selector.matches` takes
-- @treturn string|nil where it is wrong, a JSON Pointer from the selector
-- @treturn string|nil what is wrong
function M.selector(value)
  if not is_map(value) then return nil, "", "must be an object" end
  local requirements = {}
  local ok, where, what = add_selector(value, requirements)
  if ok then return requirements end
  return nil, where, what
end

-- ---- the fields of a rule -------------------------------------------------------------

-- One of these for each: the value as the book keeps it, or nil, where and what.

local function a_sentence(value)
  if type(value) == "string" and text.trim(value) ~= "" then return value end
  return nil, "", "must be a sentence"
end

local function a_name(value)
  if type(value) == "string" and value ~= "" and #value <= 100 then return value end
  return nil, "", "must be a string of 1 to 100 bytes"
end

local function a_boolean(value)
  if type(value) == "boolean" then return value end
  return nil, "", "must be true or false"
end

local function a_list(value, allowed, what)
  local list = type(value) == "string" and { value } or value
  if not is_list(list) then return nil, "", "must be a list of " .. what end
  local copy = {}
  for i, name in ipairs(list) do
    if type(name) ~= "string" or not allowed(name) then
      local shown = type(name) == "string" and text.quote(name) or "a " .. type(name)
      return nil, type(value) == "string" and "" or pointer(i), shown .. " is not among the " .. what
    end
    copy[i] = name
  end
  return copy
end

local function is_some_namespace(name)
  return #name <= 63 and is_dns_label(name, "*?")
end

local function is_some_kind(name)
  return name ~= "" and is_made_of(name, function(c) return is_alphanumeric(c) or c == 42 or c == 63 end)
end

local function is_some_object(name)
  return #name <= 253 and is_dns_label(name, ".*?")
end

local function a_range(value)
  if not is_map(value) then return nil, "", "must be an object with `min`, `max` or both" end
  for key, n in pairs(value) do
    if key ~= "min" and key ~= "max" then return nil, pointer(key), "unknown key; there is max, min" end
    if math.type(n) ~= "integer" or n < 1 then return nil, pointer(key), "must be a whole number of GPUs from 1" end
  end
  local range = { min = value.min or 1, max = value.max or math.maxinteger }
  if range.min > range.max then return nil, "", "`min` is above `max`, so no Pod matches" end
  return range
end

local function some_warnings(value)
  local list = type(value) == "string" and { value } or value
  if not is_list(list) or #list == 0 or #list > 5 then return nil, "", "must be a sentence, or a list of up to five" end
  local copy = {}
  for i, sentence in ipairs(list) do
    if not a_sentence(sentence) then return nil, pointer(i), "must be a sentence" end
    copy[i] = sentence
  end
  return copy
end

-- A resource name, as decision_valid_resource() in decision.c reads it: quota calls it requests.NAME.
local function a_resource(value)
  local parts = type(value) == "string" and text.split(value, "/") or {}
  local domain = parts[1]
  if #parts ~= 2 or not is_subdomain(domain) or not is_short_name(parts[2]) or value == "nvidia.com/gpu"
    or text.ends_with(domain, "kubernetes.io") or #domain > 253 - #"requests."
    or text.starts_with(value, "requests.") then
    return nil, "", "must be an extended resource such as \"nvidia.com/gpu-shared\": a domain that is not "
      .. "kubernetes.io, a slash and a name, and not nvidia.com/gpu itself"
  end
  return value
end

local function a_ratio(value)
  if math.type(value) == "integer" and value >= 1 and value <= max_ratio then return value end
  return nil, "", "must be a whole number from 1 to " .. max_ratio
end

local function a_type(value, presets)
  if type(value) == "string" and presets[value] then return value end
  return nil, "", (type(value) == "string" and text.quote(value) or "a " .. type(value)) .. " is not one of "
    .. table.concat(sorted(presets), ", ")
end

local fields = {
  name = a_name,
  namespaces = function(v) return a_list(v, is_some_namespace, "names and globs of namespaces") end,
  labelSelector = M.selector,
  gpus = a_range,
  owner = function(v) return a_list(v, is_some_kind, "kinds such as ReplicaSet") end,
  serviceAccount = function(v) return a_list(v, is_some_object, "names of service accounts") end,
  containers = function(v) return a_list(v, is_some_object, "names and globs of containers") end,
  requireOptIn = a_boolean,
  sliceRatio = a_ratio,
  workloadType = a_type,
  resource = a_resource,
  warn = some_warnings,
  skip = a_boolean,
  deny = a_sentence,
}

local condition_order = {
  "namespaces", "labelSelector", "gpus", "owner", "serviceAccount", "containers", "requireOptIn",
}
local actions = { "sliceRatio", "workloadType", "resource", "skip", "deny", "warn" }
local book_keys = { rules = true, resource = true }

-- ---- a rule ---------------------------------------------------------------------------

local max_mistakes = 100

-- Raises with the place, for which the host finds the line. For who listens, only after the last mistake: the
-- first is what is raised then, and the others are noted.
local function fail(reading, at, what)
  local sentence = reading.file .. "#" .. at .. ": " .. what
  reading.count = reading.count + 1
  reading.first = reading.first or sentence
  if not reading.note then error(sentence, 0) end
  if reading.count > max_mistakes then
    reading.note(reading.file .. "#" .. at .. ": from here on nobody looked: there are too many mistakes")
    error(reading.first, 0)
  end
  if reading.count > 1 then reading.note(sentence) end
end

-- Empty, a condition is as good as absent.
local function is_condition(rule, name)
  local value = rule[name]
  if type(value) == "table" then return next(value) ~= nil end
  return value == true
end

local function check_actions(reading, rule, at)
  local given = 0
  for _, name in ipairs(actions) do given = given + (rule[name] and 1 or 0) end
  if given == 0 then
    fail(reading, at, "this rule sets nothing: give sliceRatio, workloadType, resource, skip, deny or warn")
  end
  for _, stop in ipairs { "skip", "deny" } do
    if rule[stop] and given > (rule.warn and 2 or 1) then
      return fail(reading, at .. "/" .. stop, "a rule that stops here sets nothing else but warn")
    end
  end
end

local function read_fields(reading, value, at, presets)
  local rule = {}
  for key, v in pairs(value) do
    local here = at .. pointer(key)
    if fields[key] then
      local read, where, what = fields[key](v, presets)
      if read == nil then fail(reading, here .. where, key .. ": " .. what) end
      rule[key] = read
    else
      fail(reading, here, "unknown key `" .. key .. "`" .. instead(key, fields))
    end
  end
  return rule
end

-- nil when something is wrong.
local function read_rule(reading, value, i, presets)
  local at, before = "/rules" .. pointer(i), reading.count
  if not is_map(value) then return fail(reading, at, "a rule is an object") end
  local rule = read_fields(reading, value, at, presets)
  if reading.count == before then check_actions(reading, rule, at) end
  if reading.count > before then return nil end
  rule.index, rule.conditions = i, {}
  rule.enrols = (rule.sliceRatio or rule.workloadType or rule.resource) ~= nil
  rule.name = rule.name or "rules[" .. i - 1 .. "]"
  for _, name in ipairs(condition_order) do
    if is_condition(rule, name) then
      rule.conditions[#rule.conditions + 1] = name
    else
      rule[name] = nil
    end
  end
  return rule
end

-- ---- the book ---------------------------------------------------------------------------

local function has_globs(list)
  for _, name in ipairs(list) do
    if namespaces.is_glob(name) then return true end
  end
  return false
end

local function index(book, rule)
  if not rule.namespaces or has_globs(rule.namespaces) then
    book.anywhere[#book.anywhere + 1] = rule.index
    return
  end
  for _, name in ipairs(rule.namespaces) do
    local list = book.by_namespace[name] or {}
    book.by_namespace[name] = list
    if list[#list] ~= rule.index then list[#list + 1] = rule.index end
  end
end

local function read_rules(reading, list, presets)
  local book = { rules = {}, by_namespace = {}, anywhere = {} }
  for i, value in ipairs(list) do
    local rule = read_rule(reading, value, i, presets)
    if rule then
      book.rules[i] = rule
      index(book, rule)
    end
  end
  return book
end

--- A `policy.json` as `rules.first` wants it. Raises `FILE#POINTER: sentence` for the first mistake.
-- @tparam table data
-- @tparam {[string]=integer} presets
-- @tparam string file for messages
-- @tparam[opt] function(string)|boolean note is told of the other mistakes, in the same form; false: nobody is
-- @treturn book
function M.read(data, presets, file, note)
  local reading = { file = file, note = note, count = 0 }
  if not is_map(data) then
    fail(reading, "", "must be an object with `rules`")
    data = {}
  end
  for key in pairs(data) do
    if not book_keys[key] then fail(reading, pointer(key), "unknown key `" .. key .. "`" .. instead(key, book_keys)) end
  end
  local list = data.rules == nil and {} or data.rules
  if not is_list(list) then
    fail(reading, "/rules", "rules: must be a list")
    list = {}
  end
  local resource, _, what
  if data.resource ~= nil then
    resource, _, what = a_resource(data.resource)
    if not resource then fail(reading, "/resource", "resource: " .. what) end
  end
  local book = read_rules(reading, list, presets)
  if reading.first then error(reading.first, 0) end
  book.resource = resource
  return book
end

-- ---- telling people --------------------------------------------------------------------

local function one_of(list)
  return #list == 1 and list[1] or "one of " .. table.concat(list, ", ")
end

local why = {}

function why.namespaces(list, pod)
  return "namespace " .. pod.namespace .. " is not " .. one_of(list)
end

local operators = { In = "in", NotIn = "not in" }

function why.labelSelector(requirements, pod)
  local _, r = selector.matches(requirements, pod.labels)
  local value = pod.labels[r.key]
  local is = value == nil and "label " .. r.key .. " is absent" or "label " .. r.key .. " is " .. text.quote(value)
  local values = {}
  for i, v in ipairs(r.values) do values[i] = text.quote(v) end
  local must = operators[r.operator] and operators[r.operator] .. " " .. table.concat(values, ", ")
    or r.operator == "Exists" and "present" or "absent"
  return is .. ", must be " .. must
end

function why.gpus(range, pod)
  local max = range.max == math.maxinteger and "or more" or "to " .. range.max
  local needs = pod.gpus .. (pod.gpus == 1 and " GPU" or " GPUs")
  return "the Pod needs " .. needs .. " at once, must be " .. range.min .. " " .. max
end

function why.owner(kinds, pod)
  return (pod.owner and "owner is a " .. pod.owner.kind or "the Pod has no owner") .. ", not " .. one_of(kinds)
end

function why.serviceAccount(names, pod)
  local name = pod.service_account == "" and "default" or pod.service_account
  return "service account is " .. name .. ", not " .. one_of(names)
end

function why.containers(names)
  return "no container that asks for GPUs is " .. one_of(names)
end

function why.requireOptIn()
  return "requireOptIn, and the Pod did not opt in"
end

--- One line for each rule that was tried: why it did not match, or that it did.
-- @tparam book book
-- @tparam pod pod
-- @tparam rule|nil found
-- @tparam function mismatch what `rules.first` decides with
-- @tparam function note takes a line
function M.explain(book, pod, found, mismatch, note)
  for _, rule in ipairs(book.rules) do
    if found and rule.index == found.index then
      note("rule " .. rule.name .. ": matches")
      return
    end
    local name = mismatch(rule, pod, 1)
    note("rule " .. rule.name .. ": no: " .. why[name](rule[name], pod))
  end
end

-- ---- finding what can never be -------------------------------------------------------------

-- Does every name of the later list satisfy the earlier one? Exact for names, careful for globs.
local function covers_names(earlier, later)
  if not earlier then return true end
  for _, name in ipairs(later or { "*" }) do
    local covered = false
    for _, other in ipairs(earlier) do
      covered = covered or other == "*" or other == name
        or (not namespaces.is_glob(name) and text.glob(name, other))
    end
    if not covered then return false end
  end
  return true
end

local function same_requirement(a, b)
  if a.key ~= b.key or a.operator ~= b.operator or #a.values ~= #b.values then return false end
  for _, v in ipairs(b.values) do
    if not a.set[v] then return false end
  end
  return true
end

-- Each requirement of the earlier one is among the later's.
local function covers_labels(earlier, later)
  for _, r in ipairs(earlier or {}) do
    local found = false
    for _, other in ipairs(later or {}) do found = found or same_requirement(r, other) end
    if not found then return false end
  end
  return true
end

local function covers_range(earlier, later)
  if not earlier then return true end
  return later ~= nil and later.min >= earlier.min and later.max <= earlier.max
end

local function covers(a, b)
  return covers_names(a.namespaces, b.namespaces) and covers_labels(a.labelSelector, b.labelSelector)
    and covers_range(a.gpus, b.gpus) and (not a.owner or b.owner and covers_names(a.owner, b.owner))
    and (not a.serviceAccount or b.serviceAccount and covers_names(a.serviceAccount, b.serviceAccount))
    and (not a.containers or b.containers and covers_names(a.containers, b.containers))
    and (not a.requireOptIn or b.requireOptIn)
end

local function label_shelf(r)
  return "label " .. r.key .. " " .. r.operator .. " " .. table.concat(sorted(r.set), " ")
end

-- Where a rule is found by those it may cover: all of these have its first label, or else one of its namespaces.
local function shelves_of(rule)
  if rule.labelSelector then return { label_shelf(rule.labelSelector[1]) } end
  if not rule.namespaces or has_globs(rule.namespaces) then return { "any" } end
  local shelves = {}
  for i, name in ipairs(rule.namespaces) do shelves[i] = "namespace " .. name end
  return shelves
end

-- Where the rules are that may cover this one.
local function shelves_for(rule)
  local shelves = { "any", rule.namespaces and "namespace " .. rule.namespaces[1] }
  for _, r in ipairs(rule.labelSelector or {}) do shelves[#shelves + 1] = label_shelf(r) end
  return shelves
end

local max_comparisons = 100000

--- Rules that can never match, because an earlier one matches whatever they do.
-- @tparam book book
-- @treturn {{integer,integer},…} pairs: the rule and the earlier one, counted from 1
-- @treturn integer|nil the rule at which there was no time for more
function M.shadowed(book)
  local pairs_found, on_shelf, comparisons = {}, {}, 0
  for i, rule in ipairs(book.rules) do
    local first
    for _, shelf in ipairs(shelves_for(rule)) do
      for _, j in ipairs(on_shelf[shelf] or {}) do
        comparisons = comparisons + 1
        if comparisons > max_comparisons then return pairs_found, i end
        if first and j >= first then break end
        if covers(book.rules[j], rule) then first = j end
      end
    end
    if first then pairs_found[#pairs_found + 1] = { i, first } end
    for _, shelf in ipairs(shelves_of(rule)) do
      on_shelf[shelf] = on_shelf[shelf] or {}
      table.insert(on_shelf[shelf], i)
    end
  end
  return pairs_found
end

-- What makes no sense in the rule at `i`, or nil: where in it, and a sentence.
local function nonsense(book, i, by_name)
  local rule = book.rules[i]
  local first = by_name[rule.name]
  if first < i then
    return "/name",
      "rules[" .. first - 1 .. "] has the name " .. rule.name .. " too: logs and coverage take them for one"
  end
  if rule.sliceRatio and rule.workloadType then
    return "/workloadType", rule.name .. ": workloadType is never used: sliceRatio wins"
  end
end

--- What is no mistake but makes no sense, for `castslice check`: each as `warning: FILE#POINTER: SENTENCE`.
-- @tparam book book
-- @tparam string file
-- @tparam function(string) note
function M.lint(book, file, note)
  local function warn(at, what) note("warning: " .. file .. "#/rules/" .. at .. ": " .. what) end
  local shadowed, last = M.shadowed(book)
  if last then
    warn(last - 1, "from here on nobody looked whether an earlier rule always matches: there are too many alike")
  end
  for _, pair in ipairs(shadowed) do
    local rule, earlier = book.rules[pair[1]], book.rules[pair[2]]
    warn(pair[1] - 1, rule.name .. " can never match: " .. earlier.name .. " above it always does")
  end
  local by_name = {}
  for i, rule in ipairs(book.rules) do
    by_name[rule.name] = by_name[rule.name] or i
    local where, what = nonsense(book, i, by_name)
    if where then warn(i - 1 .. where, what) end
  end
end

return M
