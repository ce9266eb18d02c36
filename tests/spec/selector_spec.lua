package.path = "tests/spec/?.lua;" .. package.path
require "host"
local selector = require "castslice.selector"
local read = require "castslice.rulebook".selector

local function matches(value, labels)
  return (selector.matches(assert(read(value)), labels))
end

local function expression(key, operator, values)
  return { matchExpressions = { { key = key, operator = operator, values = values } } }
end

describe("a selector", function()
  it("that is empty matches everything", function()
    for _, value in ipairs { {}, { matchLabels = {} }, { matchExpressions = {} }, { matchLabels = {}, matchExpressions = {} } } do
      assert.is_true(matches(value, {}))
      assert.is_true(matches(value, { a = "b" }))
    end
  end)

  it("that is a flat map wants every label with its value", function()
    local map = { app = "llm", ["example.com/tier"] = "" }
    assert.is_true(matches(map, { app = "llm", ["example.com/tier"] = "", more = "x" }))
    assert.is_false(matches(map, { app = "llm" }))
    assert.is_false(matches(map, { app = "LLM", ["example.com/tier"] = "" }))
  end)

  it("takes string values for a map, whatever the keys are called", function()
    assert.is_true(matches({ matchLabels = "x" }, { matchLabels = "x" }))
    assert.is_false(matches({ matchLabels = "x" }, {}))
  end)

  it("ANDs labels and expressions", function()
    local both = { matchLabels = { a = "1" }, matchExpressions = { { key = "b", operator = "Exists" } } }
    assert.is_true(matches(both, { a = "1", b = "" }))
    assert.is_false(matches(both, { a = "1" }))
    assert.is_false(matches(both, { b = "" }))
  end)

  -- operator, values, and whether it matches an absent label, the value x, the value y
  local rows = {
    { "In", { "x", "z" }, false, true, false },
    { "NotIn", { "x", "z" }, true, false, true },
    { "Exists", nil, false, true, true },
    { "DoesNotExist", nil, true, false, false },
    { "Exists", {}, false, true, true },
  }
  for _, row in ipairs(rows) do
    it("means by " .. row[1] .. " what the API means", function()
      local e = expression("k", row[1], row[2])
      assert.equal(row[3], matches(e, {}))
      assert.equal(row[4], matches(e, { k = "x" }))
      assert.equal(row[5], matches(e, { k = "y" }))
    end)
  end

  local long = ("x"):rep(64)
  local wrong = {
    { "list", { "a" }, "", "object" },
    { "In without values", expression("k", "In"), "/matchExpressions/0", "at least one" },
    { "NotIn without values", expression("k", "NotIn", {}), "/matchExpressions/0", "at least one" },
    { "Exists with values", expression("k", "Exists", { "x" }), "/matchExpressions/0/values", "no values" },
    { "DoesNotExist with values", expression("k", "DoesNotExist", { "x" }), "/matchExpressions/0/values", "no values" },
    { "unknown operator", expression("k", "in", { "x" }), "/matchExpressions/0/operator", "did you mean `In`" },
    { "no operator", expression("k"), "/matchExpressions/0", "operator" },
    { "no key", expression(nil, "Exists"), "/matchExpressions/0", "key" },
    { "bad key", expression("a b", "Exists"), "/matchExpressions/0/key", "label's key" },
    { "long key", { [long] = "x" }, "/" .. long, "label's key" },
    { "two slashes", { ["a/b/c"] = "x" }, "/a~1b~1c", "label's key" },
    { "empty domain", { ["/b"] = "x" }, "/~1b", "label's key" },
    { "upper-case domain", { ["A.b/c"] = "x" }, "/A.b~1c", "label's key" },
    { "bad value", { k = "a b" }, "/k", "label's value" },
    { "long value", { k = long }, "/k", "label's value" },
    { "dash at the end", { k = "a-" }, "/k", "label's value" },
    { "bad value in a list", expression("k", "In", { "x", "-" }), "/matchExpressions/0/values/1", "label's value" },
    { "number in a list", expression("k", "In", { 1 }), "/matchExpressions/0/values/0", "string" },
    { "values no list", expression("k", "In", { a = "b" }), "/matchExpressions/0/values", "list" },
    { "a number for a label", { a = "b", k = 1 }, nil, "matchLabels" },
    { "a misspelt key", { matchLabel = {} }, "/matchLabel", "matchLabels" },
    { "unknown key of an expression", { matchExpressions = { { key = "k", op = "In" } } }, "/matchExpressions/0/op", "unknown" },
    { "number in matchLabels", { matchLabels = { k = 1 } }, "/matchLabels/k", "string" },
  }
  for _, row in ipairs(wrong) do
    it("is refused for: " .. row[1], function()
      local requirements, where, what = read(row[2])
      assert.is_nil(requirements)
      if row[3] then assert.equal(row[3], where) end
      assert.is_truthy(what:find(row[4], 1, true), what)
    end)
  end

  it("takes the longest keys and values there are", function()
    local name = ("x"):rep(63)
    local domain = ("d"):rep(63) .. "." .. ("d"):rep(63) .. "." .. ("d"):rep(63) .. "." .. ("d"):rep(61)
    assert.is_true(matches({ [domain .. "/" .. name] = name }, { [domain .. "/" .. name] = name }))
  end)
end)
