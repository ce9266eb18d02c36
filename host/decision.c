#include "decision.h"

#include "nearest.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What every reader below works on; `field` is its place for messages: "containers.main.ratio". */
typedef struct reader {
    decision *d;
    json_arena *arena;
    const pod *pod;
    error *err;
} reader;

static bool full(reader *r)
{
    return error_set(r->err, ERR_TOO_LARGE, "the policy's decision is too large");
}

static bool wrong(reader *r, const char *field, const char *what)
{
    return error_set(r->err, ERR_POLICY, "%s: %s", field, what);
}

/* ---- names Kubernetes accepts ------------------------------------------- */

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* [A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, at most 63: apimachinery IsQualifiedName, IsValidLabelValue. */
static bool is_short_name(const char *s, size_t length)
{
    if (length == 0 || length > 63 || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_word_char(s[i]))
            return false;
    return true;
}

/* Dot-separated DNS labels in lower case, at most `max` bytes (RFC 1123 subdomain). */
static bool is_subdomain(const char *s, size_t length, size_t max)
{
    if (length == 0 || length > max)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool edge = i == 0 || i == length - 1 || s[i - 1] == '.' || s[i + 1] == '.';
        bool alnum = islower((unsigned char)s[i]) || isdigit((unsigned char)s[i]);
        if (!alnum && (edge ? true : s[i] != '-' && s[i] != '.'))
            return false;
    }
    return true;
}

static bool is_qualified_name(const char *key)
{
    const char *slash = strchr(key, '/');
    const char *name = slash ? slash + 1 : key;
    if (slash && !is_subdomain(key, (size_t)(slash - key), 253))
        return false;
    return is_short_name(name, strlen(name));
}

/* kubernetes.io, k8s.io and everything below them are Kubernetes' own. */
static bool is_reserved_domain(const char *domain, size_t length)
{
    static const char *const roots[] = { "kubernetes.io", "k8s.io" };
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(roots[i]);
        if (text_ends_with(domain, length, roots[i]) && (length == n || domain[length - n - 1] == '.'))
            return true;
    }
    return false;
}

static bool is_reserved_key(const char *key)
{
    const char *slash = strchr(key, '/');
    return strcmp(key, POD_ANNOTATION_OPTIMIZE) == 0 || strcmp(key, POD_ANNOTATION_RATIO) == 0 ||
           strcmp(key, POD_ANNOTATION_TYPE) == 0 || (slash && is_reserved_domain(key, (size_t)(slash - key)));
}

/* k/k pkg/apis/core/helper IsExtendedResourceName: quota names it "requests.<name>", which must be valid too. */
bool decision_valid_resource(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash || strcmp(name, POD_SOURCE_RESOURCE) == 0 || strncmp(name, "requests.", 9) == 0)
        return false;
    size_t domain = (size_t)(slash - name);
    return !text_ends_with(name, domain, "kubernetes.io") && is_subdomain(name, domain, 253 - strlen("requests.")) &&
           is_short_name(slash + 1, strlen(slash + 1));
}

/* ---- texts for people --------------------------------------------------- */

static size_t char_length(const unsigned char *s)
{
    return *s < 0x80 ? 1 : *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : 4;
}

/* U+0000 to U+001F, U+007F to U+009F; C0 80 is our U+0000 (json.h). */
static bool is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7F || (s[0] == 0xC0 && s[1] == 0x80) || (s[0] == 0xC2 && s[1] < 0xA0);
}

static unsigned control_code(const unsigned char *s)
{
    return s[0] == 0xC0 ? 0 : s[0] == 0xC2 ? s[1] : s[0];
}

/* One line of text: control characters escaped, cut with "…" before it passes `max_bytes` or `max_chars`.
 * NULL when the arena is full. */
static const char *tidy(json_arena *arena, const char *text, size_t max_bytes, size_t max_chars)
{
    static const char ellipsis[] = "…";
    buf out;
    buf_init(&out, max_bytes + 16);
    size_t chars = 0, fits = 0;             /* `fits`: bytes that leave room for the ellipsis */
    for (const unsigned char *s = (const unsigned char *)text; *s; s += char_length(s)) {
        size_t before = out.len;
        if (is_control(s))
            buf_printf(&out, "\\u%04x", control_code(s));
        else
            buf_add(&out, s, char_length(s));
        chars += is_control(s) ? out.len - before : 1;
        if (out.len > max_bytes || chars > max_chars) {
            out.len = fits;
            buf_puts(&out, ellipsis);
            break;
        }
        if (out.len + sizeof ellipsis - 1 <= max_bytes && chars < max_chars)
            fits = out.len;
    }
    const char *copy = json_arena_strdup(arena, out.data ? out.data : "", out.len);
    buf_release(&out);
    return copy;
}

static bool read_text(reader *r, const char *field, const json *value, size_t max, const char **out)
{
    const char *text = json_string(value);
    if (!text)
        return wrong(r, field, "must be a string");
    *out = tidy(r->arena, text, max, max);
    return *out ? true : full(r);
}

/* ---- fields ------------------------------------------------------------- */

bool decision_valid_ratio(const json *value, int64_t *ratio)
{
    double number;
    if (!json_number(value, &number) || !(number >= 1 && number <= DECISION_MAX_RATIO) ||
        number != (double)(int64_t)number)
        return false;
    *ratio = (int64_t)number;
    return true;
}

static bool read_integer(reader *r, const char *field, const json *value, int64_t *out)
{
    return decision_valid_ratio(value, out) ||
           error_set(r->err, ERR_POLICY, "%s: must be an integer from 1 to %d", field, DECISION_MAX_RATIO);
}

static bool read_resource_name(reader *r, const char *field, const json *value, const char **out)
{
    const char *name = json_string(value);
    if (!name || !decision_valid_resource(name))
        return error_set(r->err, ERR_POLICY, "%s: must be an extended resource such as \"%s\": a domain that is not "
                         "kubernetes.io, a slash and a name, and not %s itself", field, POD_DEFAULT_TARGET,
                         POD_SOURCE_RESOURCE);
    *out = name;
    return true;
}

static bool read_ratio(reader *r, const json *value)
{
    return read_integer(r, "ratio", value, &r->d->ratio);
}

static bool read_resource(reader *r, const json *value)
{
    return read_resource_name(r, "resource", value, &r->d->resource);
}

static bool read_reason(reader *r, const json *value)
{
    return read_text(r, "reason", value, DECISION_MAX_SHORT, &r->d->reason);
}

static bool read_rule(reader *r, const json *value)
{
    return read_text(r, "rule", value, DECISION_MAX_SHORT, &r->d->rule);
}

static bool read_sentence(reader *r, const char *field, const json *value, decision_kind kind)
{
    if (r->d->sentence)
        return wrong(r, field, "a decision has `invalid` or `deny`, not both");
    if (!read_text(r, field, value, DECISION_MAX_SENTENCE, &r->d->sentence))
        return false;
    if (r->d->sentence[0] == '\0')
        return wrong(r, field, "must be a sentence that tells the user what is wrong");
    r->d->kind = kind;
    return true;
}

static bool read_invalid(reader *r, const json *value)
{
    return read_sentence(r, "invalid", value, DECISION_INVALID);
}

static bool read_deny(reader *r, const json *value)
{
    return read_sentence(r, "deny", value, DECISION_DENY);
}

/* An empty Lua table is an empty list and an empty map alike. */
static bool is_empty(const json *value)
{
    return (json_is_object(value) || json_is_array(value)) && !json_first(value);
}

static bool read_warnings(reader *r, const json *value)
{
    if (!json_is_array(value) && !is_empty(value))
        return wrong(r, "warnings", "must be a list of strings");
    if (json_size(value) > DECISION_MAX_WARNINGS)
        return error_set(r->err, ERR_POLICY, "warnings: at most %d", DECISION_MAX_WARNINGS);
    for (const json *w = json_first(value); w; w = json_next(w)) {
        if (!json_string(w))
            return wrong(r, "warnings", "must be a list of strings");
        const char *text = tidy(r->arena, json_string(w), DECISION_MAX_WARNING * 4, DECISION_MAX_WARNING);
        if (!text)
            return full(r);
        r->d->warnings[r->d->warning_count++] = text;
    }
    return true;
}

/* ---- containers --------------------------------------------------------- */

static bool read_container_fields(reader *r, decision_container *c, const json *value)
{
    for (const json *m = json_first(value); m; m = json_next(m)) {
        char field[160];
        snprintf(field, sizeof field, "containers.%.63s.%.63s", c->name, json_key(m));
        if (strcmp(json_key(m), "ratio") == 0) {
            if (!read_integer(r, field, m, &c->ratio))
                return false;
        } else if (strcmp(json_key(m), "resource") == 0) {
            if (!read_resource_name(r, field, m, &c->resource))
                return false;
        } else {
            return wrong(r, field, "unknown field; a container has `ratio` and `resource`");
        }
    }
    return true;
}

static bool read_container(reader *r, decision_container *c, const json *value)
{
    c->name = json_key(value);
    c->leave = json_is_bool(value) && !json_is_true(value);
    if (c->leave)
        return true;
    if (!pod_find_container(r->pod, c->name))
        return error_set(r->err, ERR_POLICY, "containers.%.63s: the Pod has no container of this name", c->name);
    if (!json_is_object(value))
        return error_set(r->err, ERR_POLICY, "containers.%.63s: must be false or { ratio =, resource = }", c->name);
    return read_container_fields(r, c, value);
}

static bool read_containers(reader *r, const json *value)
{
    if (!json_is_object(value))
        return wrong(r, "containers", "must be a table by container name");
    r->d->containers = json_arena_alloc(r->arena, (json_size(value) + 1) * sizeof *r->d->containers);
    if (!r->d->containers)
        return full(r);
    for (const json *m = json_first(value); m; m = json_next(m))
        if (!read_container(r, &r->d->containers[r->d->container_count++], m))
            return false;
    return true;
}

/* ---- annotations and labels --------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const decision_pair *)a)->key, ((const decision_pair *)b)->key);
}

static bool read_pair(reader *r, const char *field, const json *m, bool label, decision_pair *out)
{
    const char *key = json_key(m), *value = json_string(m);
    if (!is_qualified_name(key))
        return error_set(r->err, ERR_POLICY, "%s: \"%.100s\" is not a valid key", field, key);
    if (is_reserved_key(key))
        return error_set(r->err, ERR_POLICY, "%s: \"%.100s\" is not a policy's to set", field, key);
    if (!value)
        return error_set(r->err, ERR_POLICY, "%s: the value of \"%.100s\" must be a string", field, key);
    if (label && *value && !is_short_name(value, strlen(value)))
        return error_set(r->err, ERR_POLICY, "%s: the value of \"%.100s\" is not a valid label value", field, key);
    *out = (decision_pair){ key, value };
    return true;
}

static bool read_pairs(reader *r, const char *field, const json *value, bool label, decision_pair **out, size_t *count)
{
    if (!json_is_object(value))
        return wrong(r, field, "must be a table of strings by key");
    decision_pair *pairs = json_arena_alloc(r->arena, (json_size(value) + 1) * sizeof *pairs);
    if (!pairs)
        return full(r);
    size_t n = 0;
    for (const json *m = json_first(value); m; m = json_next(m))
        if (!read_pair(r, field, m, label, &pairs[n++]))
            return false;
    qsort(pairs, n, sizeof *pairs, by_key);
    *out = pairs;
    *count = n;
    return true;
}

static bool read_annotations(reader *r, const json *value)
{
    return read_pairs(r, "annotations", value, false, &r->d->annotations, &r->d->annotation_count);
}

static bool read_labels(reader *r, const json *value)
{
    return read_pairs(r, "labels", value, true, &r->d->labels, &r->d->label_count);
}

/* ---- the whole ---------------------------------------------------------- */

static const struct field {
    const char *name;
    bool (*read)(reader *r, const json *value);
} fields[] = {
    { "annotations", read_annotations },
    { "containers", read_containers },
    { "deny", read_deny },
    { "invalid", read_invalid },
    { "labels", read_labels },
    { "ratio", read_ratio },
    { "reason", read_reason },
    { "resource", read_resource },
    { "rule", read_rule },
    { "warnings", read_warnings },
};

enum { FIELDS = sizeof fields / sizeof *fields };

static bool unknown_field(reader *r, const char *name)
{
    const char *names[FIELDS];
    for (size_t i = 0; i < FIELDS; i++)
        names[i] = fields[i].name;
    const char *near = nearest_word(name, names, FIELDS);
    return error_set(r->err, ERR_POLICY, "%.100s: a decision has no such field%s%s%s", name,
                     near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

static bool read_field(reader *r, const json *member)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, json_key(member)) == 0)
            return fields[i].read(r, member);
    return unknown_field(r, json_key(member));
}

/* An entry that says neither how many nor "leave it" does nothing, which nobody means. */
static bool check_containers(reader *r)
{
    for (size_t i = 0; i < r->d->container_count; i++) {
        const decision_container *c = &r->d->containers[i];
        if (!c->leave && !c->ratio && !r->d->ratio)
            return error_set(r->err, ERR_POLICY, "containers.%.63s.ratio: missing, and the decision has none", c->name);
    }
    return true;
}

/* A refusal that also rewrites, or a table that says nothing, is a slip of the policy's author. */
static bool check_whole(reader *r, const json *value)
{
    const decision *d = r->d;
    if (!json_first(value))
        return error_set(r->err, ERR_POLICY, "the decision is empty: return nil to leave a Pod alone");
    if (d->sentence && (d->ratio || d->resource || d->container_count))
        return wrong(r, d->kind == DECISION_DENY ? "deny" : "invalid",
                     "a refusal has no `ratio`, `resource` or `containers`");
    if (d->resource && !d->ratio && !d->container_count)
        return wrong(r, "ratio", "missing: `resource` alone rewrites nothing");
    return check_containers(r);
}

bool decision_read(decision *d, json_arena *arena, const json *value, const pod *p, error *err)
{
    reader r = { d, arena, p, err };
    *d = (decision){ .kind = DECISION_LEAVE, .reason = "", .rule = "" };
    if (json_is_null(value))
        return true;
    if (is_empty(value))
        return check_whole(&r, value);
    if (!json_is_object(value))
        return error_set(err, ERR_POLICY, "the policy must return a decision (a table with named fields) or nil");
    d->kind = DECISION_REWRITE;
    for (const json *m = json_first(value); m; m = json_next(m))
        if (!read_field(&r, m))
            return false;
    return check_whole(&r, value);
}

bool decision_for(const decision *d, const pod_container *c, const char *default_resource,
                  int64_t *ratio, const char **resource)
{
    *ratio = d->ratio;
    *resource = d->resource ? d->resource : default_resource;
    for (size_t i = 0; i < d->container_count; i++) {
        const decision_container *own = &d->containers[i];
        if (strcmp(own->name, c->name) != 0)
            continue;
        if (own->leave)
            return false;
        if (own->ratio)
            *ratio = own->ratio;
        if (own->resource)
            *resource = own->resource;
    }
    return *ratio > 0;
}
