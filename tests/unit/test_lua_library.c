#include "test.h"

#include "lua_library.h"
#include "sandbox.h"

#include <lauxlib.h>

static const char *const constants[] = { "_VERSION", "math.huge", "math.maxinteger", "math.mininteger" };

static bool is_row(const char *library, const char *name)
{
    for (size_t i = 0; i < lua_library_count; i++)
        if (strcmp(lua_library_rows[i].library, library) == 0 && strcmp(lua_library_rows[i].name, name) == 0)
            return true;
    return false;
}

static bool is_constant(const char *name)
{
    for (size_t i = 0; i < COUNT(constants); i++)
        if (strcmp(constants[i], name) == 0)
            return true;
    return false;
}

/* Every name in the table on top, which is `library`. Returns how many functions there are. */
static size_t check_names(lua_State *L, const char *library)
{
    size_t functions = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        char full[64];
        const char *name = lua_tostring(L, -2);
        snprintf(full, sizeof full, "%s%s%s", library, *library ? "." : "", name);
        if (lua_istable(L, -1)) {
            functions += check_names(L, name);
        } else if (lua_isfunction(L, -1)) {
            check_row(full, is_row(library, name));
            functions++;
        } else {
            check_row(full, is_constant(full));
        }
    }
    return functions;
}

static void a_policy_has_exactly_the_rows(void **state)
{
    (void)state;
    sandbox s = { .heap = heap_new((size_t)1 << 20) };
    sandbox_start(&s, INT64_C(1000000000), 0);
    lua_State *L = sandbox_new_state(&s);
    lua_library_open(L);
    lua_pushglobaltable(L);
    assert_int_equal(check_names(L, ""), lua_library_count);
    assert_int_equal(lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE), LUA_TNIL);
    heap_free(s.heap);
}

static void every_row_says_what_bounds_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < lua_library_count; i++)
        check_row(lua_library_rows[i].name, lua_library_rows[i].bound && *lua_library_rows[i].bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_has_exactly_the_rows),
        cmocka_unit_test(every_row_says_what_bounds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
