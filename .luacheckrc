-- What a policy can call (host/lua_library.c), so that luacheck finds a name the sandbox lacks.
stds.policy = {
  read_globals = {
    "assert", "error", "ipairs", "next", "pairs", "require", "select", "tonumber", "tostring", "type", "_VERSION",
    castslice = { fields = { "data", "freeze", "note" } },
    quantity = { fields = { "compare", "number" } },
    math = { fields = { "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "tointeger", "type" } },
    string = { fields = { "byte", "char", "len", "lower", "sub", "upper" } },
    table = { fields = { "concat", "insert", "remove", "sort", "unpack" } },
    text = { fields = { "contains", "ends_with", "glob", "integer", "quote", "split", "starts_with", "trim" } },
  },
}

std = "lua54"
max_line_length = 120
exclude_files = { "tests/escapes", "build" }

files["policies"] = { std = "policy" }
files["lua/castslice"] = { std = "policy" }
files["lua/castslice/api.lua"] = { std = "policy", ignore = { "111", "121", "122", "131", "212", "241" } }
files["tests/spec"] = { std = "+busted", max_line_length = 132 }
