local quantity = require "castslice.quantity"

describe("quantity.number", function()
  it("reads every form Kubernetes reads", function()
    local rows = { ["1"] = 1, ["1k"] = 1000, ["1Ki"] = 1024, ["1e3"] = 1000, ["1000m"] = 1, ["1Gi"] = 1 << 30,
                   ["-2"] = -2, ["0"] = 0, ["+3"] = 3 }
    for text, value in pairs(rows) do
      assert.equal(value, quantity.number(text))
      assert.equal("integer", math.type(quantity.number(text)))
    end
  end)

  it("gives a float for what is not whole, or beyond 2^63", function()
    assert.equal(0.5, quantity.number("500m"))
    assert.equal(-1.5, quantity.number("-1.5"))
    assert.equal(1e21, quantity.number("1000E"))
    assert.equal(math.maxinteger, quantity.number("9223372036854775807"))
  end)

  it("is nil for anything else", function()
    for _, text in ipairs { "", "x", "1 ", " 1", "1KB", "0x10", "1Gib", "--1", "1\0" } do
      assert.is_nil(quantity.number(text), text)
    end
  end)

  it("takes a number as it is written, and no other type", function()
    assert.equal(2, quantity.number(2))
    assert.has_error(function() quantity.number({}) end)
    assert.has_error(function() quantity.number() end)
  end)
end)

describe("quantity.compare", function()
  it("is exact across suffixes", function()
    assert.equal(1, quantity.compare("1Gi", "1000Mi"))
    assert.equal(0, quantity.compare("1", "1000m"))
    assert.equal(-1, quantity.compare("1G", "1Gi"))
    assert.equal(-1, quantity.compare("9007199254740992", "9007199254740993"))
    assert.equal(-1, quantity.compare("-2", "-1"))
    assert.equal(1, quantity.compare("1", "-1"))
    assert.equal(0, quantity.compare("-0", "0"))
  end)

  it("is nil when one is no quantity", function()
    assert.is_nil(quantity.compare("1", "one"))
    assert.is_nil(quantity.compare("one", "1"))
  end)
end)
