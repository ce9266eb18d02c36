---@meta
--- What a policy reads, calls and returns, for editors with a Lua language server. Nothing here is ever run.
---
--- `policy.lua` returns a function of one Pod, or a table with it as `decide` and settings: `resource`, the
--- default target, and `presets`, names and ratios that are checked while the policy loads. It runs in a sandbox:
--- these names and a part of Lua's own library, nothing else.

---@alias Policy (fun(pod: Pod): Decision?) | Settings

---@class Settings
---@field decide fun(pod: Pod): Decision?
---@field resource? string         the default target
---@field presets? {[string]: integer}  names and ratios from 1 to 1024

--- The Pod as it is being created. Read-only; a field that is not listed raises an error.
---@class Pod
---@field name string              "" when the API server has not made it up yet
---@field generate_name string     "" when absent, as are all strings below
---@field namespace string         of the request
---@field labels table<string, string>       empty when there are none
---@field annotations table<string, string>
---@field node_selector table<string, string>
---@field owner? Owner             the controller: a ReplicaSet for a Deployment, nil for a Pod of its own
---@field service_account string
---@field scheduler_name string
---@field runtime_class string
---@field user string              who asks
---@field dry_run boolean
---@field gpus integer             whole GPUs it needs at once
---@field containers Container[]   containers first, then init containers and sidecars
---@field object table             the Pod as the API server sent it; null and what is absent are nil

---@class Owner
---@field kind string
---@field name string

---@class Container
---@field name string
---@field image string
---@field gpus integer             whole GPUs it asks for, 0 when none
---@field init boolean             true for sidecars too
---@field sidecar boolean          an init container that keeps running
---@field privileged boolean

--- What is to happen; nil leaves the Pod alone. A field that is not listed is an error.
---@class Decision
---@field ratio? integer           slices for each GPU, 1 to 1024
---@field resource? string         the target resource, when not the default
---@field containers? table<string, Change|false>  by name; false leaves that container alone
---@field reason? string           for logs and `castslice review`
---@field rule? string
---@field warnings? string[]       up to five sentences of 120 characters, shown by kubectl
---@field annotations? table<string, string>  added where the key is absent, and only with a rewrite
---@field labels? table<string, string>
---@field invalid? string          refuse with 400: a value nobody understands
---@field deny? string             refuse with 403: policy forbids it

---@class Change
---@field ratio? integer
---@field resource? string

--- What a policy gets from its bundle, and tells its reader. Also `require "castslice"`.
---@class castslice
castslice = {}

--- The bundle's `name.json`: a read-only table, or whatever its value is; nil when there is no such file.
---@param name string             without `.json`; made of a to z, 0 to 9 and _
---@return any
function castslice.data(name) end

--- A read-only copy of a table outside the Lua heap: it costs a review only what it reads. While loading only.
---@generic T
---@param value T                 no functions; string keys, or 1 to n
---@return T
function castslice.freeze(value) end

--- A line for `castslice review`; in the server nobody listens.
---@param line? string            cut after 500 bytes
---@return boolean                does anybody listen?
function castslice.note(line) end

--- Kubernetes quantities. Also `require "castslice.quantity"`.
---@class quantity
quantity = {}

--- An integer when it is whole and below 2^63, else a float; nil when it is no quantity.
---@param q string|number
---@return number?
function quantity.number(q) end

--- -1, 0 or 1, exactly; nil when one of them is no quantity.
---@param a string|number
---@param b string|number
---@return integer?
function quantity.compare(a, b) end

--- Reading strings without patterns. Also `require "castslice.text"`, which works outside the sandbox as well.
---@class text
text = {}

--- A whole number in plain digits, or nil: no sign, no space, no leading zero.
---@param s any
---@param min? integer 0 by default
---@param max? integer
---@return integer?
function text.integer(s, min, max) end

--- In double quotes, what is invisible escaped, cut after 100 characters.
---@param s string
---@return string
function text.quote(s) end

---@param s string
---@param part string
---@return boolean
function text.starts_with(s, part) end

---@param s string
---@param part string
---@return boolean
function text.ends_with(s, part) end

---@param s string
---@param part string
---@return boolean
function text.contains(s, part) end

--- The pieces between the separators: n separators give n + 1 pieces.
---@param s string
---@param separator string
---@return string[]
function text.split(s, separator) end

--- Without the ASCII white space around it.
---@param s string
---@return string
function text.trim(s) end

--- Does the whole string match? `*` is any number of characters, `?` is one.
---@param s string
---@param pattern string
---@return boolean
function text.glob(s, pattern) end
