local namespaces = require "castslice.namespaces"

describe("namespaces.matches", function()
  it("takes names as they are", function()
    assert.is_true(namespaces.matches({ "default", "team-a" }, "team-a"))
    assert.is_false(namespaces.matches({ "default", "team-a" }, "team"))
    assert.is_false(namespaces.matches({ "default" }, "Default"))
    assert.is_false(namespaces.matches({}, "default"))
  end)

  it("takes * for any number of characters and ? for one", function()
    for _, name in ipairs { "team-", "team-a", "team-a-b" } do
      assert.is_true(namespaces.matches({ "x", "team-*" }, name), name)
    end
    assert.is_true(namespaces.matches({ "team-?" }, "team-a"))
    assert.is_false(namespaces.matches({ "team-?" }, "team-"))
    assert.is_false(namespaces.matches({ "team-*" }, "my-team-a"))
    assert.is_true(namespaces.matches({ "*" }, ""))
  end)
end)

describe("namespaces.is_glob", function()
  it("tells a name from a glob", function()
    assert.is_false(namespaces.is_glob("team-a"))
    assert.is_true(namespaces.is_glob("team-*"))
    assert.is_true(namespaces.is_glob("?"))
  end)
end)
