/* A file becomes documents, and documents become Pods, notes and errors. */
#include "test.h"

#include "manifest.h"

/* What was found, a line each: "LINE KIND NAME NAMESPACE PATH", "note LINE: TEXT", "error LINE: TEXT". */
static void describe(const manifest *m, buf *out)
{
    for (const manifest_document *d = m->documents; d; d = d->next) {
        for (const manifest_note *n = d->notes; n; n = n->next)
            buf_printf(out, "note %d: %s\n", n->line, n->text);
        for (const manifest_pod *p = d->pods; p; p = p->next)
            buf_printf(out, "%d %s %s %s %s\n", p->line, p->kind, *p->name ? p->name : "-", *p->namespace ? p->namespace : "-",
                       *p->path ? p->path : "/");
        if (d->error)
            buf_printf(out, "error %d: %s\n", d->error->line, d->error->text);
    }
}

#define TEMPLATE "template: {metadata: {}, spec: {}}"

static const struct row { const char *name, *text, *expected; } rows[] = {
    { "a Pod", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: ml}\n", "1 Pod p ml /\n" },
    { "a namespace that YAML reads as false", "kind: Pod\nmetadata:\n  namespace: n\n",
      "error 3: metadata.namespace must be a string: write it as \"n\"\n" },
    { "a name that is a number", "kind: Pod\nmetadata: {name: 0123}\n", "error 2: metadata.name must be a string: write it as \"0123\"\n" },
    { "a Pod with a generated name", "kind: Pod\nmetadata: {generateName: p-}\n", "1 Pod p- - /\n" },
    { "a Deployment", "# c\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {" TEMPLATE "}\n",
      "2 Deployment d - /spec/template\n" },
    { "an old Deployment", "apiVersion: extensions/v1beta1\nkind: Deployment\nspec: {" TEMPLATE "}\n", "1 Deployment - - /spec/template\n" },
    { "a CronJob", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {" TEMPLATE "}}}\n",
      "1 CronJob c - /spec/jobTemplate/spec/template\n" },
    { "the others", "kind: StatefulSet\nspec: {" TEMPLATE "}\n---\nkind: DaemonSet\nspec: {" TEMPLATE "}\n---\nkind: ReplicaSet\nspec: {"
      TEMPLATE "}\n---\nkind: Job\nspec: {" TEMPLATE "}\n---\nkind: ReplicationController\nspec: {" TEMPLATE "}\n---\nkind: PodTemplate\n"
      TEMPLATE "\n",
      "1 StatefulSet - - /spec/template\n4 DaemonSet - - /spec/template\n7 ReplicaSet - - /spec/template\n10 Job - - /spec/template\n"
      "13 ReplicationController - - /spec/template\n16 PodTemplate - - /template\n" },
    { "a kind of another group", "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec: {}\n",
      "note 1: Job of batch.volcano.sh/v1alpha1 is no kind CastSlice knows the Pods of; skipped\n" },
    { "a kind without Pods", "\n\nkind: Service\n", "note 3: Service has no Pods; skipped\n" },
    { "a List", "kind: List\nitems:\n- kind: Pod\n  metadata: {name: a}\n- kind: Service\n- kind: Deployment\n  spec: {" TEMPLATE "}\n",
      "note 5: Service has no Pods; skipped\n3 Pod a - /items/0\n6 Deployment - - /items/2/spec/template\n" },
    { "a list whose items do not say what they are", "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- spec: {" TEMPLATE "}\n",
      "4 Deployment - - /items/0/spec/template\n" },
    { "an item that does not say what it is", "kind: List\nitems:\n- {}\n", "error 3: not a Kubernetes object: kind is missing\n" },
    { "an empty List", "kind: List\nitems: []\n", "" },
    { "a list in a List", "kind: List\nitems:\n- kind: PodList\n  items:\n  - {}\n", "5 Pod - - /items/0/items/0\n" },
    { "items through an alias", "kind: List\nitems:\n- &p {kind: Pod}\n- *p\n", "3 Pod - - /items/0\n3 Pod - - /items/1\n" },
    { "a review", "{\"kind\":\"AdmissionReview\",\"request\":{\"object\":{}}}", "1 AdmissionReview - - /request/object\n" },
    { "JSON", "{\n\"kind\": \"Pod\"}", "1 Pod - - /\n" },
    { "JSON values one after another", "{\"kind\":\"Pod\"}\n{\"kind\":\"Pod\"} {\"kind\":\"Pod\"}\n", "1 Pod - - /\n2 Pod - - /\n2 Pod - - /\n" },
    { "JSON among YAML", "kind: Pod\n---\n{\"kind\": \"Pod\"}\n---\nkind: Pod\n", "1 Pod - - /\n3 Pod - - /\n5 Pod - - /\n" },
    { "JSON that libyaml would refuse", "{\"kind\":\"Pod\",\"x\":\"\\ud83d\\ude00\"}", "1 Pod - - /\n" },
    { "comments around JSON", "# a\n{\"kind\":\"Pod\"}\n# b\n", "2 Pod - - /\n" },
    { "braces that are YAML", "{\n  kind: Pod,\n  x: [1,],\n}\n", "1 Pod - - /\n" },
    { "braces that are nearly JSON", "{\"kind\": \"Pod\",\n}\n", NULL },
    { "a byte order mark", "\xEF\xBB\xBFkind: Pod\n", "1 Pod - - /\n" },
    { "a byte order mark before JSON", "\xEF\xBB\xBF{\"kind\":\"Pod\"}\n", "error 1: bad JSON: a byte order mark before it\n" },
    { "nothing", "", "" },
    { "only comments", "# nothing\n---\n# here\n", "" },
    /* errors */
    { "no object", "- kind: Pod\n", "error 1: not a Kubernetes object: it must be a mapping\n" },
    { "no kind", "a: 1\n", "error 1: not a Kubernetes object: kind is missing\n" },
    { "no template", "x: 1\nkind: CronJob\nspec: {jobTemplate: {}}\n", "error 1: CronJob has no spec.jobTemplate.spec.template\n" },
    { "bad YAML does not stop the next", "a: [\n---\nkind: Pod\n", "error 2: bad YAML: did not find expected node content\n3 Pod - - /\n" },
    { "bad JSON", "{\"kind\": \"Pod\",\n \"x\": 01}\n", NULL },
    { "bad JSON behind good", "{\"kind\":\"Pod\"}\n{\"kind\":}\n", NULL },
    { "a key twice in JSON", "\n{\"kind\":\"Pod\",\n\"a\":1,\n\"a\":2}\n", "error 4: bad JSON: the key \"a\" occurs twice in one object\n" },
    { "a key twice in YAML", "kind: Pod\n---\nkind: Pod\nkind: Pod\n", "1 Pod - - /\nerror 4: bad YAML: the key \"kind\" occurs twice in one "
      "mapping\n" },
    /* annotations */
    { "a boolean annotation", "kind: Pod\nmetadata:\n  annotations:\n    castops.io/optimize: yes\n",
      "error 4: metadata.annotations[\"castops.io/optimize\"] must be a string: write it as \"true\"\n" },
    { "a number", "kind: Pod\nmetadata:\n  annotations:\n    castops.io/slice-ratio: 0x4\n",
      "error 4: metadata.annotations[\"castops.io/slice-ratio\"] must be a string: write it as \"0x4\"\n" },
    { "an empty label", "kind: Job\nspec:\n  template:\n    metadata:\n      labels:\n        a:\n",
      "error 6: spec.template.metadata.labels[\"a\"] must be a string: write it as \"\"\n" },
    { "a mapping as an annotation", "kind: Pod\nmetadata: {annotations: {a: {b: c}}}\n", "error 2: metadata.annotations[\"a\"] must be a string\n" },
    { "annotations that are a list", "kind: Pod\nmetadata: {annotations: [a]}\n", "error 2: metadata.annotations must be a mapping of strings\n" },
    { "no annotations", "kind: Pod\nmetadata: {annotations: null, labels: }\n", "1 Pod - - /\n" },
    { "an annotation of the Job template", "kind: CronJob\nspec:\n  jobTemplate:\n    metadata: {annotations: {a: 1.50}}\n    spec: {" TEMPLATE "}\n",
      "error 4: spec.jobTemplate.metadata.annotations[\"a\"] must be a string: write it as \"1.50\"\n" },
    { "a number in JSON", "{\"kind\":\"Pod\",\"metadata\":{\"annotations\":{\n\"a\":4}}}",
      "error 2: metadata.annotations[\"a\"] must be a string: write it as \"4\"\n" },
    { "an annotation in the wrong place", "kind: Deployment\nmetadata:\n  annotations:\n    castops.io/optimize: \"true\"\n    other: x\nspec: {"
      TEMPLATE "}\n",
      "note 4: castops.io/optimize is on the Deployment; CastSlice reads the Pod template's (spec.template.metadata.annotations)\n"
      "1 Deployment - - /spec/template\n" },
    { "on the Job template", "kind: CronJob\nspec:\n  jobTemplate:\n    metadata: {annotations: {castops.io/optimize: 'true'}}\n    spec: {" TEMPLATE
      "}\n",
      "note 4: castops.io/optimize is on the CronJob's spec.jobTemplate; CastSlice reads the Pod template's "
      "(spec.jobTemplate.spec.template.metadata.annotations)\n1 CronJob - - /spec/jobTemplate/spec/template\n" },
    { "in both places", "kind: Job\nmetadata: {annotations: {castops.io/optimize: 'true'}}\nspec: {template: {metadata: {annotations: "
      "{castops.io/optimize: 'true'}}}}\n", "1 Job - - /spec/template\n" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        manifest m;
        error err;
        buf out;
        buf_init(&out, 1 << 16);
        buf_puts(&out, "");
        check_row(rows[i].name, manifest_parse(&m, "f", rows[i].text, strlen(rows[i].text), &err));
        describe(&m, &out);
        if (rows[i].expected && strcmp(out.data, rows[i].expected) != 0)
            fail_msg("%s:\n%s", rows[i].name, out.data);
        if (!rows[i].expected)
            check_row(rows[i].name, strstr(out.data, "error 2: bad JSON: "));
        buf_release(&out);
        manifest_release(&m);
    }
}

/* Whatever is in it, the documents' shares make up the text. */
static void test_shares_are_the_whole_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        manifest m;
        error err;
        check_row(rows[i].name, manifest_parse(&m, "f", rows[i].text, strlen(rows[i].text), &err));
        size_t at = m.mark;
        for (const manifest_document *d = m.documents; d; d = d->next) {
            check_row(rows[i].name, d->in.start == at && d->in.end > at);
            at = d->in.end;
        }
        check_row(rows[i].name, at == m.text.len);
        manifest_release(&m);
    }
}

/* ---- what a controller would write -------------------------------------- */

static const struct assumed_row { const char *kind, *spec, *name, *generate_name, *owner_kind, *owner_name; } assumed[] = {
    { "Pod", "", NULL, NULL, NULL, NULL },
    { "Deployment", "spec: {" TEMPLATE "}", "", "x-0000000000-", "ReplicaSet", "x-0000000000" },
    { "ReplicaSet", "spec: {" TEMPLATE "}", "", "x-", "ReplicaSet", "x" },
    { "StatefulSet", "spec: {" TEMPLATE "}", "x-0", "x-", "StatefulSet", "x" },
    { "DaemonSet", "spec: {" TEMPLATE "}", "", "x-", "DaemonSet", "x" },
    { "Job", "spec: {" TEMPLATE "}", "", "x-", "Job", "x" },
    { "CronJob", "spec: {jobTemplate: {spec: {" TEMPLATE "}}}", "", "x-00000000-", "Job", "x-00000000" },
    { "PodTemplate", TEMPLATE, "", "", NULL, NULL },
};

static bool equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_what_a_controller_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(assumed); i++) {
        const struct assumed_row *r = &assumed[i];
        char text[256];
        manifest m;
        error err;
        snprintf(text, sizeof text, "kind: %s\nmetadata: {name: x}\n%s\n", r->kind, r->spec);
        check_row(r->kind, manifest_parse(&m, "f", text, strlen(text), &err) && m.pod_count == 1);
        const pod_assumed *a = &m.documents->pods->assumed;
        check_row(r->kind, equal(a->name, r->name) && equal(a->generate_name, r->generate_name));
        check_row(r->kind, equal(a->owner_kind, r->owner_kind) && equal(a->owner_name, r->owner_name));
        manifest_release(&m);
    }
}

/* ---- files -------------------------------------------------------------- */

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    manifest m;
    error err;
    assert_false(manifest_read(&m, "/nowhere/x.yaml", &err));
    assert_string_equal(err.text, "No such file or directory");
    manifest_release(&m);
    assert_false(manifest_read(&m, "/", &err));
    assert_string_equal(err.text, "Is a directory");
    manifest_release(&m);
    assert_false(manifest_read(&m, "/dev/zero", &err));
    assert_int_equal(err.kind, ERR_TOO_LARGE);
    manifest_release(&m);
}

static void test_a_changed_text_is_compared(void **state)
{
    (void)state;
    static const struct { const char *text; bool same; } texts[] = {
        { "kind: Pod\nx: [1, {a: b, c: ~}]\n", true },
        { "x: [1.0, {c: null, a: 'b'}]\nkind: 'Pod'\n", true },
        { "kind: Pod\nx: [1, {a: b}]\n", false },
        { "kind: Pod\nx: [1, {a: b, c: ~, d: 1}]\n", false },
        { "kind: Pod\nx: [1, {a: b, c: ~}, 2]\n", false },
        { "kind: Pod\nx: [1, {a: b, c: 'null'}]\n", false },
        { "kind: Pod\nx: [2, {a: b, c: ~}]\n", false },
        { "kind: Pod\nx: [1\n", false },
        { "", false },
    };
    manifest m;
    error err;
    assert_true(manifest_parse(&m, "f", texts[0].text, strlen(texts[0].text), &err));
    for (size_t i = 0; i < COUNT(texts); i++)
        check_row(texts[i].text, manifest_matches(m.documents, texts[i].text, strlen(texts[i].text)) == texts[i].same);
    manifest_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_shares_are_the_whole_text),
        cmocka_unit_test(test_what_a_controller_writes),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_a_changed_text_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
