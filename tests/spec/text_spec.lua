local text = require "castslice.text"

describe("text.integer", function()
  it("reads plain digits", function()
    assert.equal(0, text.integer("0"))
    assert.equal(7, text.integer("7"))
    assert.equal(1024, text.integer("1024"))
    assert.equal(math.maxinteger, text.integer("9223372036854775807"))
  end)

  it("returns an integer, not a float", function()
    assert.equal("integer", math.type(text.integer("4")))
  end)

  it("refuses every other way to write a number", function()
    local others = { "", "-1", "+4", "1.5", " 4", "4 ", "0x4", "1e1", "٤", "４", "04", "00", "4\n", "4\0", "1_000" }
    for _, s in ipairs(others) do
      assert.is_nil(text.integer(s), s)
    end
  end)

  it("refuses what is below the minimum or above the maximum", function()
    assert.is_nil(text.integer("0", 1, 1024))
    assert.equal(1, text.integer("1", 1, 1024))
    assert.equal(1024, text.integer("1024", 1, 1024))
    assert.is_nil(text.integer("1025", 1, 1024))
  end)

  it("does not overflow, however many digits there are", function()
    assert.is_nil(text.integer("9223372036854775808"))
    assert.is_nil(text.integer("18446744073709551617"))
    assert.is_nil(text.integer(("9"):rep(20)))
    assert.is_nil(text.integer(("1"):rep(100000)))
  end)

  it("takes only strings", function()
    assert.is_nil(text.integer(4))
    assert.is_nil(text.integer(nil))
    assert.is_nil(text.integer({}))
    assert.is_nil(text.integer(true))
  end)
end)

describe("text.quote", function()
  it("puts a string in double quotes", function()
    assert.equal('"trainng"', text.quote("trainng"))
    assert.equal('""', text.quote(""))
    assert.equal('"zürich 東京"', text.quote("zürich 東京"))
  end)

  it("escapes quotes and backslashes", function()
    assert.equal([["a\"b\\c"]], text.quote([[a"b\c]]))
  end)

  it("shows what cannot be seen", function()
    assert.equal([["4\n"]], text.quote("4\n"))
    assert.equal([["\t\r\0\u{7}\u{1B}[31m\u{7F}"]], text.quote("\t\r\0\a\27[31m\127"))
    assert.equal([["a\u{200B}b\u{202E}c\u{FEFF}\u{A0}"]], text.quote("a\u{200B}b\u{202E}c\u{FEFF}\u{A0}"))
  end)

  it("shows bytes that are not UTF-8", function()
    assert.equal([["\xFF\xC3("]], text.quote("\xFF\xC3("))
    assert.equal([["\xC0\x80"]], text.quote("\xC0\x80"))
    assert.equal([["\xED\xA0\x80"]], text.quote("\xED\xA0\x80"))
    assert.equal([["\xE6\x9D"]], text.quote("\xE6\x9D"))
  end)

  it("cuts after a hundred characters", function()
    assert.equal('"' .. ("é"):rep(100) .. '"', text.quote(("é"):rep(100)))
    assert.equal('"' .. ("é"):rep(100) .. '…"', text.quote(("é"):rep(101)))
    assert.equal('"' .. ("x"):rep(100) .. '…"', text.quote(("x"):rep(1000000)))
  end)

  it("raises for what is no string", function()
    assert.has_error(function() text.quote(nil) end)
    assert.has_error(function() text.quote({}) end)
  end)
end)

describe("text.starts_with, ends_with and contains", function()
  it("compare bytes, and every string has the empty one in it", function()
    assert.is_true(text.starts_with("team-a", "team-"))
    assert.is_false(text.starts_with("team-a", "Team-"))
    assert.is_false(text.starts_with("te", "team"))
    assert.is_true(text.starts_with("x", ""))
    assert.is_true(text.ends_with("a-dev", "-dev"))
    assert.is_false(text.ends_with("dev", "-dev"))
    assert.is_true(text.ends_with("x", ""))
    assert.is_true(text.contains("a.b.c", ".b."))
    assert.is_false(text.contains("a.b.c", "abc"))
    assert.is_true(text.contains("", ""))
    assert.is_true(text.contains("a\0b", "\0b"))
  end)
end)

describe("text.split", function()
  it("gives one piece more than there are separators", function()
    assert.same({ "a", "b", "", "c" }, text.split("a,b,,c", ","))
    assert.same({ "" }, text.split("", ","))
    assert.same({ "", "" }, text.split(",", ","))
    assert.same({ "a", "b" }, text.split("a::b", "::"))
    assert.same({ "a", ":b" }, text.split("a:::b", "::"))
  end)

  it("refuses an empty separator", function()
    assert.error_matches(function() text.split("a", "") end, "the separator is empty")
  end)
end)

describe("text.trim", function()
  it("takes ASCII white space from both ends", function()
    assert.equal("a b", text.trim(" \t\r\n a b \v\f"))
    assert.equal("", text.trim("  "))
    assert.equal("", text.trim(""))
    assert.equal("\u{A0}a", text.trim("\u{A0}a "))
  end)
end)

describe("text.glob", function()
  local rows = {
    { "team-a-dev", "team-*-dev", true },
    { "team-a-dev", "team-*", true },
    { "team-a-dev", "*-dev", true },
    { "team-a-dev", "team-?-dev", true },
    { "team-ab-dev", "team-?-dev", false },
    { "team-a", "team", false },
    { "team", "team-*", false },
    { "", "", true },
    { "", "*", true },
    { "", "**", true },
    { "", "?", false },
    { "a", "", false },
    { "é", "?", true },
    { "aéb", "a*b", true },
    { "a*b", "a*b", true },
    { "abcabd", "*abd", true },
    { "aab", "*?ab", true },
    { "ab", "*?ab", false },
    { "mississippi", "m*iss*iss*", true },
    { "a.c", "a.c", true },
    { "abc", "a.c", false },
    { "[a]", "[a]", true },
    { "\xFF", "?", true },
  }
  for _, row in ipairs(rows) do
    local s, pattern, expected = table.unpack(row)
    it(("says %s for %q and %q"):format(expected, s, pattern), function()
      assert.equal(expected, text.glob(s, pattern))
    end)
  end
end)
