#include "lua_text.h"

#include "sandbox.h"
#include "utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

typedef struct slice { const char *s; size_t length; } slice;

/* [-0, +0, e] */
static slice check(lua_State *L, int index)
{
    slice a;
    a.s = luaL_checklstring(L, index, &a.length);
    return a;
}

static slice behind(slice a, size_t n)
{
    return (slice){ a.s + n, a.length - n };
}

/* ---- integer ------------------------------------------------------------ */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ASCII digits, no leading zero, nothing else, and within 64 bits. */
static bool read_integer(slice a, lua_Integer *out)
{
    lua_Integer n = 0;
    if (a.length == 0 || (a.s[0] == '0' && a.length > 1))
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (!is_digit(a.s[i]) || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, a.s[i] - '0', &n))
            return false;
    *out = n;
    return true;
}

/// A whole number written in plain digits, or nil for anything else: no sign, space, leading zero or other script.
// @function integer
// @tparam any s only a string can be one
// @tparam[opt=0] integer min
// @tparam[opt=math.maxinteger] integer max
// @treturn integer|nil
static int f_integer(lua_State *L)
{
    lua_Integer min = luaL_optinteger(L, 2, 0), max = luaL_optinteger(L, 3, LUA_MAXINTEGER), n;
    bool ok = false;
    if (lua_type(L, 1) == LUA_TSTRING) {
        slice a = check(L, 1);
        sandbox_charge(L, a.length);
        ok = read_integer(a, &n) && n >= min && n <= max;
    }
    if (ok)
        lua_pushinteger(L, n);
    else
        lua_pushnil(L);
    return 1;
}

/* ---- quote -------------------------------------------------------------- */

/* What would not be seen, or would change how the rest is seen: controls, marks
 * without width, line separators, directions, private use and non-characters. */
static bool is_visible(uint32_t c)
{
    static const struct { uint32_t from, to; } hidden[] = {
        { 0x00, 0x1F }, { 0x7F, 0xA0 }, { 0xAD, 0xAD }, { 0x061C, 0x061C }, { 0x180E, 0x180E }, { 0x2000, 0x200F },
        { 0x2028, 0x202F }, { 0x205F, 0x206F }, { 0x3000, 0x3000 }, { 0xE000, 0xF8FF }, { 0xFDD0, 0xFDEF },
        { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0x10FFFF },
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i].from && c <= hidden[i].to)
            return false;
    return true;
}

static const char *short_escape(uint32_t c)
{
    switch (c) {
    case '\0': return "\\0";
    case '\t': return "\\t";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    default: return NULL;
    }
}

enum { SHOWN = 16 };            /* room for one character as it is shown */

/* The first character of `a` as it is shown, taken off it and put at `out`, which has SHOWN bytes; returns its end. */
static char *show(slice *a, char *out)
{
    uint32_t c;
    const char *s = a->s;
    size_t n = utf8_decode(s, a->length, &c);
    *a = behind(*a, n ? n : 1);
    if (n == 0)
        return out + snprintf(out, SHOWN, "\\x%02X", (unsigned char)*s);
    if (short_escape(c))
        return stpcpy(out, short_escape(c));
    if (!is_visible(c))
        return out + snprintf(out, SHOWN, "\\u{%X}", (unsigned)c);
    memcpy(out, s, n);
    return out + n;
}

/// The string in double quotes, as a person can read it: what is invisible escaped, cut with … after 100 characters.
// @function quote
// @tparam string s
// @treturn string
// @usage text.quote("4\n") --> "4\n", quotes and all
static int f_quote(lua_State *L)
{
    slice a = check(L, 1);
    char shown[LUA_TEXT_MAX_QUOTE * SHOWN + sizeof "\"…\""], *end = stpcpy(shown, "\"");
    for (int i = 0; i < LUA_TEXT_MAX_QUOTE && a.length; i++)
        end = show(&a, end);
    end = stpcpy(end, a.length ? "…\"" : "\"");
    lua_pushlstring(L, shown, (size_t)(end - shown));
    return 1;
}

/* ---- parts -------------------------------------------------------------- */

/// Does `s` begin with `part`?
// @function starts_with
// @tparam string s
// @tparam string part
// @treturn boolean
static int f_starts_with(lua_State *L)
{
    slice a = check(L, 1), part = check(L, 2);
    sandbox_charge(L, part.length);
    lua_pushboolean(L, part.length <= a.length && memcmp(a.s, part.s, part.length) == 0);
    return 1;
}

/// Does `s` end with `part`?
// @function ends_with
// @tparam string s
// @tparam string part
// @treturn boolean
static int f_ends_with(lua_State *L)
{
    slice a = check(L, 1), part = check(L, 2);
    sandbox_charge(L, part.length);
    lua_pushboolean(L, part.length <= a.length &&
                       memcmp(a.s + a.length - part.length, part.s, part.length) == 0);
    return 1;
}

/// Is `part` somewhere in `s`?
// @function contains
// @tparam string s
// @tparam string part
// @treturn boolean
static int f_contains(lua_State *L)
{
    slice a = check(L, 1), part = check(L, 2);
    sandbox_charge(L, a.length + part.length);          /* memmem is linear: two-way search */
    lua_pushboolean(L, memmem(a.s, a.length, part.s, part.length) != NULL);
    return 1;
}

/// The pieces of `s` between the separators, as a list; n separators give n + 1 pieces.
// @function split
// @tparam string s
// @tparam string separator any string but the empty one
// @treturn {string,…}
// @usage text.split("a,b,,c", ",") --> { "a", "b", "", "c" }
static int f_split(lua_State *L)
{
    slice a = check(L, 1), separator = check(L, 2);
    luaL_argcheck(L, separator.length > 0, 2, "the separator is empty");
    lua_newtable(L);                                    // … pieces
    for (lua_Integer i = 1;; i++) {
        const char *at = memmem(a.s, a.length, separator.s, separator.length);
        size_t piece = at ? (size_t)(at - a.s) : a.length;
        sandbox_charge(L, piece + separator.length);
        lua_pushlstring(L, a.s, piece);                 // … pieces piece
        lua_rawseti(L, -2, i);                          // … pieces
        if (!at)
            return 1;
        a.s = at + separator.length;
        a.length -= piece + separator.length;
    }
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The string without the ASCII white space around it.
// @function trim
// @tparam string s
// @treturn string
static int f_trim(lua_State *L)
{
    slice a = check(L, 1);
    sandbox_charge(L, a.length);
    while (a.length && is_space(a.s[a.length - 1]))
        a.length--;
    while (a.length && is_space(*a.s)) {
        a.s++;
        a.length--;
    }
    lua_pushlstring(L, a.s, a.length);
    return 1;
}

/* ---- glob --------------------------------------------------------------- */

/* Bytes of the first character; one that is not UTF-8 counts as one byte. */
static size_t step(slice a)
{
    uint32_t c;
    size_t n = utf8_decode(a.s, a.length, &c);
    return n ? n : 1;
}

/* Only the last star is ever taken back: an earlier one that matched the least leaves the most to the later. */
static bool matches(lua_State *L, slice a, slice pattern)
{
    slice star = { NULL, 0 }, retry = { NULL, 0 };
    while (a.length) {
        sandbox_charge(L, 1);
        if (pattern.length && *pattern.s == '*') {
            star = pattern = behind(pattern, 1);
            retry = a;
        } else if (pattern.length && (*pattern.s == '?' || *pattern.s == *a.s)) {
            size_t n = *pattern.s == '?' ? step(a) : 1;
            a = behind(a, n);
            pattern = behind(pattern, 1);
        } else if (star.s) {
            a = retry = behind(retry, step(retry));
            pattern = star;
        } else {
            return false;
        }
    }
    while (pattern.length && *pattern.s == '*')
        pattern = behind(pattern, 1);
    return pattern.length == 0;
}

/// Does the whole of `s` match? `*` is any number of characters, `?` is one, everything else is itself.
// @function glob
// @tparam string s
// @tparam string pattern
// @treturn boolean
// @usage text.glob("team-a-dev", "team-*-dev") --> true
static int f_glob(lua_State *L)
{
    lua_pushboolean(L, matches(L, check(L, 1), check(L, 2)));
    return 1;
}

int luaopen_castslice_text(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "contains", f_contains },
        { "ends_with", f_ends_with },
        { "glob", f_glob },
        { "integer", f_integer },
        { "quote", f_quote },
        { "split", f_split },
        { "starts_with", f_starts_with },
        { "trim", f_trim },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
