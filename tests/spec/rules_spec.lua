package.path = "tests/spec/?.lua;" .. package.path
local host = require "host"
local rules = require "castslice.rules"
local rulebook = require "castslice.rulebook"

local presets = { training = 4, inference = 2 }

local function book(list)
  return rulebook.read({ rules = list }, presets, "policy.json")
end

local function first(list, pod)
  local rule = rules.first(book(list), host.pod(pod))
  return rule and rule.index
end

local function rule(fields)
  fields.sliceRatio = fields.sliceRatio or 1
  return fields
end

describe("rules.first", function()
  it("is nil without a rule, or when none matches", function()
    assert.is_nil(first({}, {}))
    assert.is_nil(first({ rule { namespaces = { "x" } } }, {}))
  end)

  it("takes the first that matches, in the order of the file", function()
    local list = {
      rule { namespaces = { "b" } }, rule { namespaces = { "a*" } }, rule { namespaces = { "a", "b" } }, rule {},
      rule { namespaces = { "c" } },
    }
    assert.equal(2, first(list, { namespace = "a" }))
    assert.equal(1, first(list, { namespace = "b" }))
    assert.equal(4, first(list, { namespace = "c" }))
  end)

  it("finds by its index what a walk through the list finds", function()
    local names = { "a", "b", "ab", "ba", "*", "a*", "?b" }
    math.randomseed(1)
    for _ = 1, 300 do
      local list = {}
      for i = 1, math.random(8) do
        list[i] = rule { namespaces = {}, labelSelector = math.random(2) == 1 and { l = "1" } or {} }
        for n = 1, math.random(0, 2) do list[i].namespaces[n] = names[math.random(#names)] end
      end
      local compiled = book(list)
      for _, namespace in ipairs { "a", "b", "ab", "zz" } do
        local labels = { l = tostring(math.random(2)) }
        local expected
        for i, r in ipairs(list) do
          local here = #r.namespaces == 0 or require("castslice.namespaces").matches(r.namespaces, namespace)
          if not expected and here and (not r.labelSelector.l or labels.l == "1") then expected = i end
        end
        local found = rules.first(compiled, host.pod { namespace = namespace, labels = labels })
        assert.equal(expected, found and found.index)
      end
    end
  end)

  -- a condition, a Pod that meets it, a Pod that does not
  local rows = {
    { { labelSelector = { a = "1" } }, { labels = { a = "1" } }, { labels = { a = "2" } } },
    { { gpus = { min = 2 } }, { gpus = 2 }, { gpus = 1 } },
    { { gpus = { max = 2 } }, { gpus = 2 }, { gpus = 3 } },
    { { gpus = { min = 2, max = 2 } }, { gpus = 2 }, { gpus = 3 } },
    { { owner = "ReplicaSet" }, { owner = { kind = "ReplicaSet", name = "x" } }, {} },
    { { owner = { "Job", "*Set" } }, { owner = { kind = "StatefulSet", name = "x" } }, { owner = { kind = "Pod" } } },
    { { serviceAccount = "default" }, {}, { service_account = "ci" } },
    { { serviceAccount = { "ci-*" } }, { service_account = "ci-1" }, { service_account = "" } },
    { { containers = { "ma*" } }, {}, { containers = { { name = "side", gpus = 1 }, { name = "main", gpus = 0 } } } },
    { { requireOptIn = true }, { annotations = { ["castops.io/optimize"] = "true" } }, {} },
    { { requireOptIn = false }, {}, nil },
  }
  for _, row in ipairs(rows) do
    local name = next(row[1])
    it("heeds " .. name, function()
      assert.equal(1, first({ rule(row[1]) }, row[2]))
      if row[3] then
        assert.is_nil(first({ rule(row[1]) }, row[3]))
        assert.equal(2, first({ rule(row[1]), rule {} }, row[3]))
      end
    end)
  end

  it("tells a listener why the earlier ones did not match, once for each", function()
    host.listening, host.notes = true, {}
    first({
      rule { namespaces = { "x" } }, rule { name = "labels", labelSelector = { a = "1" } }, rule { gpus = { min = 2 } },
      rule { owner = "Job" }, rule { serviceAccount = "ci" }, rule { containers = "x" }, rule { requireOptIn = true },
      rule { labelSelector = { matchExpressions = { { key = "b", operator = "NotIn", values = { "1", "2" } } } } },
      rule { name = "all" }, rule {},
    }, { labels = { b = "2" } })
    host.listening = false
    assert.same({
      "rule rules[0]: no: namespace default is not x",
      'rule labels: no: label a is absent, must be in "1"',
      "rule rules[2]: no: the Pod needs 1 GPU at once, must be 2 or more",
      "rule rules[3]: no: the Pod has no owner, not Job",
      "rule rules[4]: no: service account is default, not ci",
      "rule rules[5]: no: no container that asks for GPUs is x",
      "rule rules[6]: no: requireOptIn, and the Pod did not opt in",
      'rule rules[7]: no: label b is "2", must be not in "1", "2"',
      "rule all: matches",
    }, host.notes)
  end)
end)

describe("rules.stop and rules.rewrite", function()
  local function only(fields) return book({ fields }).rules[1] end

  it("stop at deny and skip", function()
    assert.same({ deny = "no.", rule = "rules[0]", warnings = { "w" } }, rules.stop(only { deny = "no.", warn = "w" }, true))
    assert.same({ rule = "s", reason = "rule s: skip" }, rules.stop(only { name = "s", skip = true }, true))
  end)

  it("let a mere warning enrol nobody", function()
    assert.equal("w", rules.stop(only { warn = "w" }, false).warnings[1])
    assert.is_nil(rules.stop(only { warn = "w" }, true))
    assert.is_nil(rules.stop(only { resource = "a.com/b" }, false))
  end)

  it("leave the containers alone that the rule does not name", function()
    local pod = host.pod { containers = { { name = "a", gpus = 1 }, { name = "b", gpus = 1 } } }
    local d = rules.rewrite(only { containers = "a", sliceRatio = 2, resource = "a.com/b", name = "n" }, pod, 2, "why")
    assert.same({ ratio = 2, reason = "why", rule = "n", resource = "a.com/b", containers = { b = false } }, d)
  end)
end)

describe("rulebook.shadowed", function()
  local function shadowed(list) return rulebook.shadowed(book(list)) end

  it("finds a rule behind one that matches whatever it does", function()
    assert.same({ { 2, 1 } }, shadowed { rule {}, rule { namespaces = { "a" } } })
    assert.same({ { 2, 1 } }, shadowed { rule { namespaces = { "a*" } }, rule { namespaces = { "ab", "ac" } } })
    assert.same({ { 2, 1 } }, shadowed { rule { labelSelector = { a = "1" } }, rule { labelSelector = { a = "1", b = "1" } } })
    assert.same({ { 2, 1 } }, shadowed { rule { gpus = { min = 2 } }, rule { gpus = { min = 3, max = 4 } } })
    assert.same({ { 3, 2 } }, shadowed { rule { owner = "Job" }, rule { owner = "*Set" }, rule { owner = "ReplicaSet" } })
  end)

  it("leaves the others in peace", function()
    assert.same({}, shadowed { rule { namespaces = { "a" } }, rule {} })
    assert.same({}, shadowed { rule { namespaces = { "a*" } }, rule { namespaces = { "*a" } } })
    assert.same({}, shadowed { rule { requireOptIn = true }, rule {} })
    assert.same({}, shadowed { rule { gpus = { min = 2 } }, rule { gpus = { max = 3 } } })
    assert.same({}, shadowed { rule { labelSelector = { a = "1" } }, rule { labelSelector = { a = "2" } } })
  end)
end)
