#include "test.h"

#include "clock.h"
#include "vm.h"

static const vm_limits limits = { .memory = (size_t)8 << 20, .cpu_ns = INT64_C(250000000) };    /* sanitizers are slow */

/* ---- one policy, one Pod, one answer -------------------------------------- */

static const char object[] =
    "{\"metadata\":{\"name\":\"web-0\",\"labels\":{\"team\":\"a\",\"app\":\"web\"},"
    "\"annotations\":{\"mode\":\"good\",\"zero\":\"a\\u0000b\",\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"},"
    "\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"web\",\"controller\":true}]},"
    "\"spec\":{\"serviceAccountName\":\"sa\",\"priority\":-5,\"big\":1e300,\"half\":0.5,\"none\":null,\"on\":true,\"off\":false,"
    "\"tolerations\":[{\"key\":\"x\"},{\"key\":\"y\"},{\"key\":\"z\"}],"
    "\"initContainers\":[{\"name\":\"side\",\"restartPolicy\":\"Always\"}],"
    "\"containers\":[{\"name\":\"main\",\"image\":\"i:1\",\"securityContext\":{\"privileged\":true},"
    "\"resources\":{\"limits\":{\"nvidia.com/gpu\":2}}},{\"name\":\"log\"}]}}";

typedef struct fixture {
    json_arena *arena;
    pod pod;
    error err;
    vm_usage usage;
    buf out;
} fixture;

static void set_up(fixture *f, const char *text)
{
    *f = (fixture){ .arena = json_arena_new((size_t)16 << 20) };
    json *tree = json_parse(f->arena, text, strlen(text), &f->err);
    const pod_request request = { .namespace = "shop", .user = "ann", .dry_run = true };
    assert_true(tree && pod_read(&f->pod, f->arena, tree, &request, &f->err));
    buf_init(&f->out, 100000);
}

static void tear_down(fixture *f)
{
    buf_release(&f->out);
    json_arena_free(f->arena);
}

static vm *load(const char *text, error *err)
{
    static vm_source source;        /* borrowed by the vm: one policy at a time */
    source = (vm_source){ "policy", "dir/policy.lua", text, strlen(text) };
    return vm_new(&source, 1, NULL, limits, err);
}

/* The answer as JSON, or the error's text. */
static const char *run(fixture *f, vm *v)
{
    f->err = (error){ .kind = ERR_NONE };
    json *answer = vm_run(v, &f->pod, limits.cpu_ns, f->arena, &f->usage, &f->err);
    buf_clear(&f->out);
    if (answer)
        json_write(&f->out, answer);
    else
        buf_puts(&f->out, f->err.text);
    return f->out.data;
}

static const char *run_text(fixture *f, const char *text)
{
    vm *v = load(text, &f->err);
    if (!v)
        return f->err.text;
    const char *answer = run(f, v);
    vm_free(v);
    return answer;
}

/* ---- loading --------------------------------------------------------------- */

static void what_a_policy_may_return(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } rows[] = {
        { "return 1", "dir/policy.lua: must return a function of one Pod, or a table with such a function as `decide`" },
        { "", "dir/policy.lua: must return a function of one Pod, or a table with such a function as `decide`" },
        { "return {}", "dir/policy.lua: must return a function of one Pod, or a table with such a function as `decide`" },
        { "return { decide = print_it }", "dir/policy.lua:1: a policy has no `print_it`" },
        { "return { decide = function() end, resorce = 1 }",
          "dir/policy.lua: unknown setting `resorce`; a policy has `decide`, `presets` and `resource`" },
        { "return { decide = function() end, 1 }",
          "dir/policy.lua: unknown setting `number`; a policy has `decide`, `presets` and `resource`" },
        { "return { decide = function() end, resource = 'gpu' }",
          "dir/policy.lua: resource: must be an extended resource such as \"nvidia.com/gpu-shared\"" },
        { "return { decide = function() end, resource = 7 }",
          "dir/policy.lua: resource: must be an extended resource such as \"nvidia.com/gpu-shared\"" },
        { "return function() end return", "dir/policy.lua:1: <eof> expected near 'return'" },
        { "\n\nlocal x = = 1", "dir/policy.lua:3: unexpected symbol near '='" },
        { "\x1BLua", "dir/policy.lua: compiled Lua is not accepted; give the source" },
        { "\nerror('boom')", "dir/policy.lua:2: boom" },
        { "error('boom', 0)", "dir/policy.lua:1: boom" },
        { "error()", "dir/policy.lua:1: the policy raised an error that is not a string" },
        { "return require 'policy'", "dir/policy.lua:1: module `policy` requires itself" },
        { "return require 'castslice.rules2'",
          "dir/policy.lua:1: there is no module `castslice.rules2`; there is castslice, castslice.namespaces, castslice.quantity, castslice.rules, castslice.selector, castslice.text" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = run_text(&f, rows[i].text);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s\n  must say: %s\n  but says: %s", rows[i].text, rows[i].expected, got);
    }
    tear_down(&f);
}

static void a_table_may_name_the_resource(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    vm *v = load("return { decide = function() return { ratio = 2 } end, resource = 'example.com/gpu' }", &f.err);
    assert_non_null(v);
    assert_string_equal(vm_resource(v), "example.com/gpu");
    assert_string_equal(run(&f, v), "{\"ratio\":2}");
    assert_string_equal(vm_resource(v), "example.com/gpu");
    vm_free(v);
    v = load("\xEF\xBB\xBFreturn function() end", &f.err);
    assert_non_null(v);
    assert_null(vm_resource(v));
    assert_string_equal(run(&f, v), "null");
    vm_free(v);
    vm_free(NULL);
    tear_down(&f);
}

/* ---- modules ---------------------------------------------------------------- */

static void modules_are_found_by_name(void **state)
{
    (void)state;
    static const char entry[] = "local a = require 'a'\nreturn function() return { ratio = a.n + require('late').n } end";
    static const char a[] = "return { n = require('castslice.text').integer('2') }", late[] = "return { n = 5 }";
    static const vm_source sources[] = {
        { "a", "dir/a.lua", a, sizeof a - 1 },
        { "late", "dir/late.lua", late, sizeof late - 1 },
        { "policy", "dir/policy.lua", entry, sizeof entry - 1 },
    };
    fixture f;
    set_up(&f, object);
    vm *v = vm_new(sources, COUNT(sources), NULL, limits, &f.err);
    assert_non_null(v);
    assert_string_equal(run(&f, v), "{\"ratio\":7}");
    assert_string_equal(run(&f, v), "{\"ratio\":7}");
    vm_free(v);
    tear_down(&f);
}

static void load_modules(const char *a, const char *b, char *text, size_t size)
{
    static const char entry[] = "require 'a'\nreturn function() end";
    const vm_source sources[] = {
        { "a", "dir/a.lua", a, strlen(a) }, { "b", "dir/b.lua", b, strlen(b) },
        { "policy", "dir/policy.lua", entry, sizeof entry - 1 },
    };
    error err = { .kind = ERR_NONE };
    vm *v = vm_new(sources, COUNT(sources), NULL, limits, &err);
    snprintf(text, size, "%s", v ? "" : err.text);
    vm_free(v);
}

static void what_is_wrong_with_a_module_names_its_file(void **state)
{
    (void)state;
    static const struct { const char *a, *b, *expected; } rows[] = {
        { "return 1", "return 1", "" },
        { "\nrequire 'b'", "\nrequire 'a'", "dir/b.lua:2: module `a` requires itself" },
        { "require 'c'", "", "dir/a.lua:1: there is no module `c`; there is a, b, castslice, castslice.namespaces, castslice.quantity, castslice.rules, castslice.selector, castslice.text" },
        { "return 1", "this is not Lua", "dir/b.lua:1: syntax error near 'is'" },
        { "return 1", "\x1BLua", "dir/b.lua: compiled Lua is not accepted; give the source" },
        { "local t = nil\nt.x = 1", "", "dir/a.lua:2: attempt to index a nil value (local 't')" },
    };
    char text[1024];
    for (size_t i = 0; i < COUNT(rows); i++) {
        load_modules(rows[i].a, rows[i].b, text, sizeof text);
        assert_string_equal(text, rows[i].expected);
    }
}

/* ---- what a policy sees ------------------------------------------------------ */

static void views_of_the_pod(void **state)
{
    (void)state;
    static const struct { const char *expression, *expected; } rows[] = {
        { "pod.name", "web-0" },
        { "pod.generate_name == ''", "true" },
        { "pod.namespace .. pod.user", "shopann" },
        { "pod.dry_run", "true" },
        { "pod.owner.kind .. '/' .. pod.owner.name", "StatefulSet/web" },
        { "pod.service_account", "sa" },
        { "pod.scheduler_name .. pod.runtime_class", "" },
        { "pod.gpus", "2" },
        { "math.type(pod.gpus)", "integer" },
        { "pod.labels.team", "a" },
        { "pod.labels.nobody", "nil" },
        { "pod.labels[1]", "nil" },
        { "pod.labels['te\\0am']", "nil" },
        { "type(pod) .. type(pod.labels) .. type(pod.containers)", "tabletabletable" },
        { "tostring(pod)", "table" },
        { "next(pod.node_selector)", "nil" },
        { "next(pod.labels)", "app" },
        { "next(pod.labels, 'app')", "team" },
        { "#pod.containers", "3" },
        { "pod.containers[1].name .. pod.containers[1].image .. pod.containers[1].gpus", "maini:12" },
        { "pod.containers[1].privileged", "true" },
        { "pod.containers[3].init and pod.containers[3].sidecar", "true" },
        { "pod.containers[4]", "nil" },
        { "pod.containers[0]", "nil" },
        { "pod.containers.main", "nil" },
        { "#pod.annotations.zero .. ' ' .. pod.annotations.zero:byte(2)", "3 0" },
        { "#pod.annotations.long", "52" },
        { "pod.object.spec.priority + 5", "0" },
        { "math.type(pod.object.spec.priority)", "integer" },
        { "pod.object.spec.big == 1e300 and pod.object.spec.half", "0.5" },
        { "pod.object.spec.none", "nil" },
        { "pod.object.spec.on and not pod.object.spec.off", "true" },
        { "#pod.object.spec.tolerations .. #pod.object.spec", "30" },
        { "pod.object.spec.tolerations[3].key .. pod.object.spec.tolerations[1].key", "zx" },
        { "pod.object.spec.tolerations[9]", "nil" },
        { "pod.object.spec.tolerations[-1]", "nil" },
        { "pod.labels == pod.labels and pod.object.metadata.labels == pod.labels", "true" },
        { "pod.labels == pod.annotations", "false" },
        { "select('#', table.unpack(pod.containers))", "3" },
        { "pod.nmae", "dir/policy.lua:1: a pod has no field `nmae`; did you mean `name`?" },
        { "pod[1]", "dir/policy.lua:1: a pod has no field `number`; it has annotations, containers, dry_run, generate_name, "
                    "gpus, labels, name, namespace, node_selector, object, owner, runtime_class, scheduler_name, "
                    "service_account, user" },
        { "pod.containers[1].gpu", "dir/policy.lua:1: a container has no field `gpu`; did you mean `gpus`?" },
        { "pod.owner.apiVersion", "dir/policy.lua:1: an owner has no field `apiVersion`; it has kind, name" },
        { "#pod", "dir/policy.lua:1: a pod has no length" },
        { "pod.labels + 1", "dir/policy.lua:1: attempt to perform arithmetic on a pod value (field 'labels')" },
        { "pod.object.spec.nothing.there", "dir/policy.lua:1: attempt to index a nil value (field 'nothing')" },
        { "('x').y", "dir/policy.lua:1: a policy has no `string.y`" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400], expected[600];
        snprintf(text, sizeof text, "return function(pod) return tostring((%s)) end", rows[i].expression);
        bool fails = strncmp(rows[i].expected, "dir/", 4) == 0;
        snprintf(expected, sizeof expected, fails ? "%s" : "\"%s\"", rows[i].expected);
        const char *got = run_text(&f, text);
        if (strcmp(got, expected) != 0)
            fail_msg("%s\n  must give: %s\n  but gives: %s", rows[i].expression, expected, got);
    }
    tear_down(&f);
}

static void traversal_has_one_order(void **state)
{
    (void)state;
    static const struct { const char *table, *expected; } rows[] = {
        { "{ 3, 1, 2 }", "1=3 2=1 3=2 " },
        { "{ b = 1, a = 2, [10] = 3, [2.5] = 4, [-1] = 5, [true] = 6, [false] = 7, ab = 8, [''] = 9 }",
          "-1=5 2.5=4 10=3 =9 a=2 ab=8 b=1 false=7 true=6 " },
        { "{}", "" },
        { "{ nil, nil, 3 }", "3=3 " },
        { "pod.labels", "app=web team=a " },
        { "pod.owner", "kind=StatefulSet name=web " },
        { "pod.object.spec.tolerations", "1=table 2=table 3=table " },
        { "pod.containers", "1=table 2=table 3=table " },
        { "pod.node_selector", "" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[600], expected[200];
        snprintf(expected, sizeof expected, "\"%s\"", rows[i].expected);
        snprintf(text, sizeof text, "return function(pod) local s = '' for k, v in pairs(%s) do "
                 "s = s .. tostring(k) .. '=' .. tostring(v) .. ' ' end return s end", rows[i].table);
        assert_string_equal(run_text(&f, text), expected);
        snprintf(text, sizeof text, "return function(pod) local s, t = '', %s local k, v = next(t) while k ~= nil do "
                 "s = s .. tostring(k) .. '=' .. tostring(v) .. ' ' k, v = next(t, k) end return s end", rows[i].table);
        assert_string_equal(run_text(&f, text), expected);
    }
    tear_down(&f);
}

static void traversal_survives_removal(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    assert_string_equal(run_text(&f, "return function() local t, n = { a = 1, b = 2, c = 3, d = 4 }, 0\n"
                                     "for k in pairs(t) do n = n + 1 t[k] = nil t.c = nil end return n end"), "3");
    tear_down(&f);
}

static void the_table_library_does_what_lua_does(void **state)
{
    (void)state;
    static const struct { const char *code, *expected; } rows[] = {
        { "local t = { 1, 2 } table.insert(t, 3) table.insert(t, 1, 0) return table.concat(t, ',')", "\"0,1,2,3\"" },
        { "return table.concat({ 'a', 1, 2.5 }, ', ', 2, 3)", "\"1, 2.5\"" },
        { "return table.concat({}, 'x')", "\"\"" },
        { "return table.concat({ 'a' }, 'x', 2)", "\"\"" },
        { "local t = { 1, 2, 3 } local r = table.remove(t, 1) return r .. table.concat(t)", "\"123\"" },
        { "local t = { 1, 2, 3 } return table.remove(t) .. #t", "\"32\"" },
        { "return tostring(table.remove({}))", "\"nil\"" },
        { "local t = { [0] = 'zero' } return table.remove(t, 0) .. tostring(t[0])", "\"zeronil\"" },
        { "local t = { [0] = 'zero' } return table.remove(t) .. tostring(t[0])", "\"zeronil\"" },
        { "return tostring(table.remove({ 1 }, 2))", "\"nil\"" },
        { "table.remove({ 1 }, 0)", "dir/policy.lua:1: bad argument #2 to 'remove' (position out of bounds)" },
        { "table.insert({}, 3, 1)", "dir/policy.lua:1: bad argument #2 to 'insert' (position out of bounds)" },
        { "table.remove({ 1 }, 4)", "dir/policy.lua:1: bad argument #2 to 'remove' (position out of bounds)" },
        { "table.insert({}, 1, 2, 3)",
          "dir/policy.lua:1: wrong number of arguments to 'insert'" },
        { "table.insert({})", "dir/policy.lua:1: wrong number of arguments to 'insert'" },
        { "local t = { 'b', 'a', 'C' } table.sort(t) return table.concat(t)", "\"Cab\"" },
        { "local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return table.concat(t)", "\"321\"" },
        { "local t = { 'b1', 'a1', 'b2', 'a2' } table.sort(t, function(a, b) return a:sub(1, 1) < b:sub(1, 1) end)"
          " return table.concat(t)", "\"a1a2b1b2\"" },
        { "table.sort({ 1, 'x' })", "dir/policy.lua:1: attempt to compare string with number" },
        { "table.sort({ 1, 2 }, 3)", "dir/policy.lua:1: bad argument #2 to 'sort' (function expected, got number)" },
        { "table.sort(pod.containers)", "dir/policy.lua:1: the pod is read-only" },
        { "return table.concat({ table.unpack({ 1, 2, 3 }, 2) })", "\"23\"" },
        { "return select('#', table.unpack({}, 1, 250))", "250" },
        { "return select('#', table.unpack({}, 1, 251))",
          "dir/policy.lua:1: too many results to unpack (at most 250)" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, "return function(pod) %s end", rows[i].code);
        const char *got = run_text(&f, text);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s\n  must give: %s\n  but gives: %s", rows[i].code, rows[i].expected, got);
    }
    tear_down(&f);
}

static const char *long_text(fixture *f, const char *expression, int dead)
{
    char text[600];
    error err;
    snprintf(text, sizeof text,
             "local live, parts, long = {}, {}, 'x' "
             "for _ = 1, 18 do long = long .. long end "
             "for i = 1, 8 do parts[i] = long:sub(1, 25000) end "
             "for i = 1, 22 do live[i] = long:sub(1, 100000) end "
             "return function(pod) local _ = live for _ = 1, %d do local _ = long:sub(1, 50000) end return %s end",
             dead, expression);
    const vm_source source = { "policy", "dir/policy.lua", text, strlen(text) };
    vm *v = vm_new(&source, 1, NULL, (vm_limits){ .memory = (size_t)4 << 20, .cpu_ns = limits.cpu_ns }, &err);
    assert_non_null(v);
    const char *got = run(f, v);
    vm_free(v);
    return got;
}

/* A Pod whose annotation `zeros` is 200,000 times \u0000. */
static void set_up_zeros(fixture *f)
{
    enum { ZEROS = 200000 };
    char *object_text = malloc(6 * ZEROS + 100);
    char *end = object_text + sprintf(object_text, "{\"metadata\":{\"annotations\":{\"zeros\":\"");
    for (size_t i = 0; i < ZEROS; i++)
        end = stpcpy(end, "\\u0000");
    stpcpy(end, "\"}}}");
    set_up(f, object_text);
    free(object_text);
}

/* Garbage that nobody has collected yet is no reason to refuse a long text. */
static void a_long_text_is_built_in_the_place_of_garbage(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "#table.concat(parts)", "#long:upper()", "#long:lower()", "#string.char(long:byte(1, 5000))",
        "#pod.annotations.zeros",
    };
    fixture f;
    set_up_zeros(&f);
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int dead = 0; dead < 50; dead++) {
            const char *got = long_text(&f, rows[i], dead);
            if (!strchr("123456789", *got))
                fail_msg("%s with %d dead strings: %s", rows[i], dead, got);
        }
    tear_down(&f);
}

/* ---- what comes out ---------------------------------------------------------- */

static void answers_become_json(void **state)
{
    (void)state;
    static const struct { const char *value, *expected; } rows[] = {
        { "nil", "null" },
        { "false", "false" },
        { "'a\\0b\\n'", "\"a\\u0000b\\n\"" },
        { "4.0", "4" },
        { "{}", "{}" },
        { "{ 'a', 'b' }", "[\"a\",\"b\"]" },
        { "{ b = 1, a = { c = {} }, B = true }", "{\"B\":true,\"a\":{\"c\":{}},\"b\":1}" },
        { "pod.labels", "{\"app\":\"web\",\"team\":\"a\"}" },
        { "{ annotations = pod.object.metadata.labels }", "{\"annotations\":{\"app\":\"web\",\"team\":\"a\"}}" },
        { "{ ['a\\0'] = 1 }", "{\"a\\u0000\":1}" },
        { "{ [1] = 'a', [3] = 'c' }",
          "dir/policy.lua: the decision: the keys of a table are all strings, or 1 to n without a gap" },
        { "{ [true] = 1 }", "dir/policy.lua: the decision: the keys of a table are all strings, or 1 to n without a gap" },
        { "{ [0] = 1 }", "dir/policy.lua: the decision: the keys of a table are all strings, or 1 to n without a gap" },
        { "{ [1.5] = 1 }", "dir/policy.lua: the decision: the keys of a table are all strings, or 1 to n without a gap" },
        { "{ containers = { main = { ratio = type } } }",
          "dir/policy.lua: containers.main.ratio: a function is not allowed here" },
        { "{ warnings = { 'a', type } }", "dir/policy.lua: warnings.2: a function is not allowed here" },
        { "type", "dir/policy.lua: the decision: a function is not allowed here" },
        { "{ { { { {} } } } }", "dir/policy.lua: 1.1.1.1: nested too deeply for a decision" },
        { "{ ratio = -1 / 0 }", "dir/policy.lua: ratio: not a finite number" },
        { "{ reason = '\\xC0\\x80' }", "dir/policy.lua: reason: not valid UTF-8" },
        { "{ ['\\xFF'] = 1 }", "dir/policy.lua: the decision: not valid UTF-8" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, "return function(pod) return %s end", rows[i].value);
        const char *got = run_text(&f, text);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s\n  must become: %s\n  but becomes: %s", rows[i].value, rows[i].expected, got);
    }
    tear_down(&f);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    vm *v = load("return function() return { reason = 'x' } end", &f.err);
    json_arena *tiny = json_arena_new(64);
    assert_null(vm_run(v, &f.pod, limits.cpu_ns, tiny, &f.usage, &f.err));
    assert_int_equal(f.err.kind, ERR_TOO_LARGE);
    json_arena_free(tiny);
    vm_free(v);
    tear_down(&f);
}

/* ---- errors ------------------------------------------------------------------- */

static void errors_name_file_and_line(void **state)
{
    (void)state;
    static const struct { const char *code; error_kind kind; int line; const char *expected; } rows[] = {
        { "local x\n return x.y", ERR_POLICY, 2, "dir/policy.lua:2: attempt to index a nil value (local 'x')" },
        { "error('own words', 0)", ERR_POLICY, 1, "dir/policy.lua:1: own words" },
        { "\nassert(false)", ERR_POLICY, 2, "dir/policy.lua:2: assertion failed!" },
        { "\nassert(false, 'no team')", ERR_POLICY, 2, "dir/policy.lua:2: no team" },
        { "error('other.lua:9: words', 0)", ERR_POLICY, 1, "dir/policy.lua:1: other.lua:9: words" },
        { "\n\nfoo()", ERR_POLICY, 3, "dir/policy.lua:3: a policy has no `foo`" },
        { "\nlocal s = 'x' while true do s = s .. s end", ERR_POLICY_MEMORY, 2,
          "dir/policy.lua:2: the policy made a string longer than 1 MiB" },
        { "\nlocal t = {} while true do t = { t } end", ERR_POLICY_MEMORY, 2,
          "dir/policy.lua:2: the policy needed more than its 8 MiB of memory" },
        { "\n\n\nwhile true do end", ERR_POLICY_CPU, 4, "dir/policy.lua:4: the policy used more than its 250 ms of CPU time" },
    };
    fixture f;
    set_up(&f, object);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, "return function(pod) %s end", rows[i].code);
        assert_string_equal(run_text(&f, text), rows[i].expected);
        check_row(rows[i].code, f.err.kind == rows[i].kind && f.err.line == rows[i].line);
    }
    tear_down(&f);
}

static void a_long_path_is_named_whole(void **state)
{
    (void)state;
    static const char path[] = "/a/path/that/is/much/longer/than/the/sixty/characters/that/lua/keeps/of/one/policy.lua";
    static const char *const texts[] = { "\nerror('boom')", "\nlocal x = = 1", "\nwhile true do end" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        const vm_source source = { "policy", path, texts[i], strlen(texts[i]) };
        error err;
        assert_null(vm_new(&source, 1, NULL, (vm_limits){ .memory = (size_t)8 << 20, .cpu_ns = 1000000 }, &err));
        assert_memory_equal(err.text, path, sizeof path - 1);
        assert_memory_equal(err.text + sizeof path - 1, ":2: ", 4);
        assert_int_equal(err.line, 2);
    }
}

static void the_trace_tells_who_called(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    vm *v = load("local function inner() error('boom') end\n\nreturn function() inner() end", &f.err);
    run(&f, v);
    assert_string_equal(vm_trace(v), "dir/policy.lua:1 < dir/policy.lua:3");
    vm_free(v);
    tear_down(&f);
}

static void a_run_may_have_a_smaller_budget(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    vm *v = load("return function() while true do end end", &f.err);
    assert_null(vm_run(v, &f.pod, 2000000, f.arena, &f.usage, &f.err));
    assert_string_equal(f.err.text, "dir/policy.lua:1: the policy used more than its 2 ms of CPU time");
    assert_null(vm_run(v, &f.pod, INT64_MAX, f.arena, &f.usage, &f.err));
    assert_string_equal(f.err.text, "dir/policy.lua:1: the policy used more than its 250 ms of CPU time");
    assert_null(vm_run(v, &f.pod, -1, f.arena, &f.usage, &f.err));
    assert_int_equal(f.err.kind, ERR_POLICY_CPU);
    vm_free(v);
    tear_down(&f);
}

/* Where CPU time stands still the deadline ends a run: here there is more than enough of it. */
static void a_run_ends_at_its_deadline(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    vm *v = load("return function() while true do end end", &f.err);
    vm_set_deadline(v, clock_ns() + 5000000);
    assert_non_null(strstr(run(&f, v), "dir/policy.lua:1: the policy was not done in the "));
    assert_int_equal(f.err.kind, ERR_POLICY_TIME);
    vm_set_deadline(v, 1);                              /* long ago */
    run(&f, v);
    assert_int_equal(f.err.kind, ERR_POLICY_TIME);
    vm_set_deadline(v, 0);
    run(&f, v);
    assert_int_equal(f.err.kind, ERR_POLICY_CPU);
    vm_free(v);
    tear_down(&f);
}

/* ---- isolation ------------------------------------------------------------------ */

static const char many_faces[] =
    "local text = require 'castslice.text'\n"
    "local seen, calls = {}, 0\n"
    "local function down(n) return 1 + down(n) end\n"
    "local hostile = {\n"
    "  memory = function() while true do seen[#seen + 1] = { seen } end end,\n"
    "  cpu = function() while true do calls = calls + 1 end end,\n"
    "  stack = function() return down(1) end,\n"
    "  string = function() local s = 'x' while true do s = s .. s end end,\n"
    "  poison = function()\n"
    "    string.upper, table.concat, text.quote, pairs, ipairs, type = nil, nil, nil, nil, nil, nil\n"
    "    for i = 1, 1000 do seen[i] = 'key' .. i; math['key' .. i] = i end\n"
    "    LEFT_BEHIND = true\n"
    "  end,\n"
    "  raise = function() error({}) end,\n"
    "}\n"
    "return function(pod)\n"
    "  calls = calls + 1\n"
    "  local mode = pod.annotations.mode\n"
    "  if hostile[mode] then return hostile[mode]() end\n"
    "  local parts = {}\n"
    "  for k, v in pairs(pod.labels) do parts[#parts + 1] = k .. v end\n"
    "  return { reason = ('%s'):upper() .. text.quote(table.concat(parts)) .. calls .. #seen .. type(pod) }\n"
    "end\n";

static void no_run_sees_another(void **state)
{
    (void)state;
    static const char *const modes[] = { "memory", "cpu", "stack", "string", "poison", "raise" };
    fixture good;
    set_up(&good, object);
    vm *v = load(many_faces, &good.err);
    assert_non_null(v);
    char expected[200];
    snprintf(expected, sizeof expected, "%s", run(&good, v));
    assert_string_equal(expected, "{\"reason\":\"%S\\\"appwebteama\\\"10table\"}");
    size_t peak = good.usage.peak_bytes;
    for (size_t i = 0; i < 3 * COUNT(modes); i++) {
        char text[200];
        fixture hostile;
        snprintf(text, sizeof text, "{\"metadata\":{\"annotations\":{\"mode\":\"%s\"}}}", modes[i % COUNT(modes)]);
        set_up(&hostile, text);
        run(&hostile, v);
        tear_down(&hostile);
        check_row(modes[i % COUNT(modes)], strcmp(run(&good, v), expected) == 0);
        check_row(modes[i % COUNT(modes)], good.usage.peak_bytes == peak);
    }
    vm_free(v);
    tear_down(&good);
}

static void two_images_decide_alike(void **state)
{
    (void)state;
    static const char text[] =
        "local t = {} for i = 1, 200 do t['key' .. i * 7919 % 1000] = i end\n"
        "return function() local s = {} for k, v in pairs(t) do s[#s + 1] = k .. v end return { reason = table.concat(s) } end";
    fixture a, b;
    set_up(&a, object);
    set_up(&b, object);
    assert_string_equal(run_text(&a, text), run_text(&b, text));
    tear_down(&a);
    tear_down(&b);
}

/* Every allocation fails once: none may crash or leak, and each failure is explained. */
static void memory_may_rise_from_nothing(void **state)
{
    (void)state;
    fixture f;
    set_up(&f, object);
    const vm_source source = { "policy", "dir/policy.lua", many_faces, sizeof many_faces - 1 };
    bool loaded = false, answered = false;
    for (size_t memory = 0; !answered; memory += 24) {
        assert_true(memory < 100000);
        f.err = (error){ .kind = ERR_NONE };
        vm *v = vm_new(&source, 1, NULL, (vm_limits){ .memory = memory, .cpu_ns = limits.cpu_ns }, &f.err);
        assert_true(v || !loaded);
        loaded = v != NULL;
        if (v)
            answered = strncmp(run(&f, v), "{", 1) == 0;
        assert_true(answered || f.err.kind == ERR_POLICY_MEMORY);
        assert_true(answered || strncmp(f.err.text, "dir/policy.lua", 14) == 0);
        vm_free(v);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_policy_may_return),
        cmocka_unit_test(a_table_may_name_the_resource),
        cmocka_unit_test(modules_are_found_by_name),
        cmocka_unit_test(what_is_wrong_with_a_module_names_its_file),
        cmocka_unit_test(views_of_the_pod),
        cmocka_unit_test(traversal_has_one_order),
        cmocka_unit_test(traversal_survives_removal),
        cmocka_unit_test(the_table_library_does_what_lua_does),
        cmocka_unit_test(a_long_text_is_built_in_the_place_of_garbage),
        cmocka_unit_test(answers_become_json),
        cmocka_unit_test(a_full_arena_is_said),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(a_long_path_is_named_whole),
        cmocka_unit_test(the_trace_tells_who_called),
        cmocka_unit_test(a_run_may_have_a_smaller_budget),
        cmocka_unit_test(a_run_ends_at_its_deadline),
        cmocka_unit_test(no_run_sees_another),
        cmocka_unit_test(two_images_decide_alike),
        cmocka_unit_test(memory_may_rise_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
