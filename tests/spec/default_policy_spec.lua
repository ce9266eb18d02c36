-- The shipped file itself, in a plain Lua interpreter.
package.path = "tests/spec/?.lua;" .. package.path
require "host"
local decide = dofile("policies/default/policy.lua").decide

local function pod(annotations)
  annotations["castops.io/optimize"] = annotations["castops.io/optimize"] or "true"
  return { annotations = annotations }
end

local function with(ratio, kind)
  return decide(pod { ["castops.io/slice-ratio"] = ratio, ["castops.io/workload-type"] = kind })
end

describe("the default policy", function()
  it("leaves a Pod alone that did not opt in", function()
    assert.is_nil(decide { annotations = {} })
    assert.is_nil(decide { annotations = { ["castops.io/slice-ratio"] = "4" } })
  end)

  it("takes only the exact string true as opting in", function()
    for _, value in ipairs { "True", "TRUE", "yes", "1", " true", "true ", "", "true\0x" } do
      assert.is_nil(decide(pod { ["castops.io/optimize"] = value }), value)
    end
  end)

  it("gives one slice per GPU when nothing else is said", function()
    assert.same({ ratio = 1, reason = "default" }, with(nil, nil))
  end)

  it("knows four presets", function()
    assert.same({ ratio = 4, reason = "workload-type=training" }, with(nil, "training"))
    assert.same({ ratio = 2, reason = "workload-type=inference" }, with(nil, "inference"))
    assert.same({ ratio = 2, reason = "workload-type=batch" }, with(nil, "batch"))
    assert.same({ ratio = 1, reason = "workload-type=dev" }, with(nil, "dev"))
  end)

  it("lets slice-ratio decide alone when it is there", function()
    assert.same({ ratio = 3, reason = "slice-ratio=3" }, with("3", nil))
    assert.same({ ratio = 3, reason = "slice-ratio=3" }, with("3", "training"))
    assert.same({ ratio = 3, reason = "slice-ratio=3" }, with("3", "no such type"))
  end)

  it("takes slice-ratio from 1 to 1024", function()
    assert.equal(1, with("1").ratio)
    assert.equal(1024, with("1024").ratio)
  end)

  it("refuses every other slice-ratio, showing it", function()
    local rows = {
      ["0"] = '"0"', ["-1"] = '"-1"', ["1.5"] = '"1.5"', [" 4"] = '" 4"', ["4 "] = '"4 "', ["+4"] = '"+4"',
      ["0x4"] = '"0x4"', ["1e1"] = '"1e1"', ["٤"] = '"٤"', [""] = '""', ["1025"] = '"1025"', ["04"] = '"04"',
      [("9"):rep(20)] = '"' .. ("9"):rep(20) .. '"', ["4\n"] = [["4\n"]], ["4\0"] = [["4\0"]],
    }
    for value, shown in pairs(rows) do
      assert.same({ invalid = "castops.io/slice-ratio: " .. shown .. " is not a whole number from 1 to 1024" },
        with(value, "training"))
    end
  end)

  it("refuses an unknown workload-type, naming the known ones", function()
    for _, value in ipairs { "trainng", "Training", "training ", "", "4", "names" } do
      assert.same({
        invalid = 'castops.io/workload-type: "' .. value .. '" is not one of batch, dev, inference, training',
      }, with(nil, value))
    end
  end)

  it("shows a long value cut", function()
    assert.equal('castops.io/workload-type: "' .. ("x"):rep(100) .. '…" is not one of batch, dev, inference, training',
      with(nil, ("x"):rep(100000)).invalid)
  end)
end)
