/* castslice review: what the server would answer, for files. Where to read on: manifest.c finds the Pods,
 * admission.c decides, splice.c writes the change into the text, report.c prints. */
#include "commands.h"

#include "admission.h"
#include "manifest.h"
#include "options.h"
#include "report.h"
#include "review.h"
#include "splice.h"

#include <stdio.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)256 << 20)          /* bytes printed about one document */

typedef void report_writer(const report *r, buf *out);

/* The command as it goes along. */
typedef struct session {
    options options;
    bundle *bundle;
    report_writer *write;       /* of -o json, patch and admission; NULL for the others */
    bool object, text;
    int status;                 /* the highest so far */
    bool new_file;              /* nothing of the file at hand is printed yet */
    char last;                  /* what the text printed before ends with; '\0' when there was none */
    bool last_was_json;
} session;

/* A document of a file and what was decided about its Pods. */
typedef struct decided {
    session *session;
    const manifest *file;
    const manifest_document *document;
    report *reports;
    size_t count;               /* of the Pods that could be decided */
    bool whole;                 /* none failed and none was denied */
} decided;

/* ---- what goes to stderr ------------------------------------------------ */

static void raise_status(session *s, int status)
{
    s->status = status > s->status ? status : s->status;
}

static void say(const char *file, int line, const char *what, const char *sentence)
{
    buf text;
    buf_init(&text, 8192);
    report_plain(sentence, &text);
    if (line > 0)
        fprintf(stderr, "%s:%d: %s%s\n", file, line, what, text.data ? text.data : "");
    else
        fprintf(stderr, "%s: %s%s\n", file, what, text.data ? text.data : "");
    buf_release(&text);
}

static void cannot(session *s, const char *file, int line, const char *sentence)
{
    say(file, line, "", sentence);
    raise_status(s, EXIT_CANNOT);
}

static bool is_policy_fault(const error *err)
{
    return err->kind >= ERR_POLICY && err->kind <= ERR_POLICY_MEMORY;
}

/* The policy's sentence names the policy's file; which Pod it was is said when there are several. */
static void cannot_decide(const decided *h, const manifest_pod *p, const error *err)
{
    bool several = h->session->options.operand_count > 1 || h->file->pod_count > 1;
    if (is_policy_fault(err) && !several) {
        fprintf(stderr, "%s\n", err->text);
        raise_status(h->session, EXIT_CANNOT);
    } else {
        cannot(h->session, h->file->name, p->line, err->text);
    }
}

/* Forms that have no room for a sentence leave it to stderr. */
static void say_aside(const decided *h, const report *r)
{
    const verdict *v = &r->verdict;
    if (!h->session->object && h->session->write != report_patch)
        return;
    if (v->kind == VERDICT_DENIED)
        say(h->file->name, r->pod->line, "denied: ", v->message);
    for (size_t i = 0; i < v->warning_count; i++)
        say(h->file->name, r->pod->line, "warning: ", v->warnings[i]);
}

/* ---- deciding ----------------------------------------------------------- */

/* --namespace, else the document's, else what kubectl would take. */
static const char *namespace_of(const session *s, const manifest_pod *p)
{
    return s->options.namespace ? s->options.namespace : *p->namespace ? p->namespace : "default";
}

static bool decide(decided *h, const manifest_pod *p, report *r)
{
    session *s = h->session;
    error err;
    *r = (report){ .file = h->file->name, .pod = p, .owner = h->count };
    if (!p->review) {
        review_of_manifest(&r->question, p->object, namespace_of(s, p), &p->assumed);
    } else if (!review_parse(&r->question, p->review, &err)) {
        cannot(s, h->file->name, p->line, err.text);
        return false;
    }
    r->question.explain = true;
    admission_review(s->bundle, &r->question, h->file->arena, options_limits(&s->options).cpu_ns, &r->verdict);
    if (r->verdict.kind == VERDICT_FAILED) {
        cannot_decide(h, p, &r->verdict.error);
        return false;
    }
    raise_status(s, r->verdict.kind == VERDICT_DENIED ? EXIT_NO : EXIT_DONE);
    say_aside(h, r);
    return true;
}

static bool decide_all(decided *h)
{
    const manifest_document *d = h->document;
    h->reports = json_arena_alloc(h->file->arena, (d->pod_count + 1) * sizeof *h->reports);
    h->whole = true;
    if (!h->reports) {
        cannot(h->session, h->file->name, d->in.line, "too many Pods in one file");
        return false;
    }
    for (const manifest_pod *p = d->pods; p; p = p->next) {
        report *r = &h->reports[h->count];
        if (decide(h, p, r))
            h->whole &= h->reports[h->count++].verdict.kind != VERDICT_DENIED;
        else
            h->whole = false;
    }
    return true;
}

/* ---- the change in the text --------------------------------------------- */

static bool splice_all(const decided *h, splice *s, error *err)
{
    const manifest_document *d = h->document;
    splice_init(s, &d->in, d->source, h->file->arena);
    for (size_t i = 0; i < h->count; i++) {
        const report *r = &h->reports[i];
        if (r->verdict.kind == VERDICT_MUTATED && !splice_patch(s, r->pod->source, &r->verdict.patch, r->owner, err))
            return false;
    }
    return splice_finish(s, err);
}

/* Splice, and read the result again: it must say what the patched tree says, no more and no less. */
static bool change_text(const decided *h, splice *s, buf *out, error *err)
{
    if (!splice_all(h, s, err))
        return false;
    splice_write(s, out);
    if (out->toobig)
        return error_set(err, ERR_TOO_LARGE, "the changed document is too large");
    if (manifest_matches(h->document, out->len ? out->data : "", out->len))
        return true;
    return error_set(err, ERR_INTERNAL, "the change cannot be written into this text; -o patch says what it is");
}

/* Text that several places share cannot be changed for one of them. */
static void cannot_change(const decided *h, const splice *s, const error *err)
{
    if (s->shared)
        cannot(h->session, h->file->name, s->shared->line,
               "an anchor, alias or merge key shares this with other places, so it cannot be changed for one of them;"
               " write it out, or use -o patch");
    else
        cannot(h->session, h->file->name, h->document->source->line, err->text);
}

static bool changes_anything(const decided *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->reports[i].verdict.kind == VERDICT_MUTATED)
            return true;
    return false;
}

/* ---- printing ----------------------------------------------------------- */

static void print(session *s, const buf *out)
{
    if (out->toobig)
        cannot(s, "castslice review", 0, "more to print than it can hold");
    else if (out->len)
        fwrite(out->data, 1, out->len, stdout);
}

/* Between the texts of two files, so that they do not run into one another. */
static void put_separator(const session *s, const manifest_document *d, buf *out)
{
    if (s->last == '\0')
        return;
    if (s->last != '\n')
        buf_putc(out, '\n');
    bool marked = d->in.end - d->in.start >= 3 && memcmp(d->in.text + d->in.start, "---", 3) == 0;
    if (!marked && !(s->last_was_json && d->is_json))
        buf_puts(out, "---\n");
}

/* The document's text as it is now. The documents of one file come with what separates them. */
static void print_object(const decided *h, const buf *text)
{
    session *s = h->session;
    const manifest_document *d = h->document;
    buf out;
    buf_init(&out, MAX_OUTPUT);
    if (s->new_file) {
        put_separator(s, d, &out);
        buf_add(&out, h->file->text.data, h->file->mark);
    }
    buf_add(&out, text->data, text->len);
    print(s, &out);
    s->new_file = false;
    if (out.len)
        s->last = out.data[out.len - 1];
    s->last_was_json = d->is_json;
    buf_release(&out);
}

/* The text as it is when nothing changes: what was not touched needs no second reading. */
static bool new_text(const decided *h, buf *out)
{
    const source_text *in = &h->document->in;
    splice s;
    error err;
    if (!changes_anything(h)) {
        buf_add(out, in->text + in->start, in->end - in->start);
        return true;
    }
    if (change_text(h, &s, out, &err))
        return true;
    cannot_change(h, &s, &err);
    return false;
}

static void print_changed(const decided *h)
{
    buf text;
    buf_init(&text, MAX_OUTPUT);
    if (new_text(h, &text))
        print_object(h, &text);
    buf_release(&text);
}

static void print_text(const decided *h)
{
    splice s;
    error err;
    buf out, changed;
    buf_init(&out, MAX_OUTPUT);
    buf_init(&changed, MAX_OUTPUT);
    bool lines = changes_anything(h) && change_text(h, &s, &changed, &err);
    for (size_t i = 0; i < h->count; i++)
        report_text(&h->reports[i], lines ? &s : NULL, &out);
    print(h->session, &out);
    buf_release(&changed);
    buf_release(&out);
}

static void print_reports(const decided *h)
{
    buf out;
    buf_init(&out, MAX_OUTPUT);
    for (size_t i = 0; i < h->count; i++)
        h->session->write(&h->reports[i], &out);
    print(h->session, &out);
    buf_release(&out);
}

/* ---- documents and files ------------------------------------------------ */

static void review_document(session *s, const manifest *m, const manifest_document *d)
{
    decided h = { .session = s, .file = m, .document = d };
    for (const manifest_note *n = d->notes; n; n = n->next)
        say(m->name, n->line, "", n->text);
    if (d->error)
        cannot(s, m->name, d->error->line, d->error->text);
    else if (!decide_all(&h))
        return;
    else if (s->write)
        print_reports(&h);
    else if (s->text)
        print_text(&h);
    else if (h.whole)
        print_changed(&h);
}

static bool says_something(const manifest *m)
{
    for (const manifest_document *d = m->documents; d; d = d->next)
        if ((d->root && !json_is_null(d->root)) || d->error)
            return true;
    return false;
}

static void review_file(session *s, const char *name)
{
    manifest m;
    error err;
    s->new_file = true;
    if (!manifest_read(&m, name, &err)) {
        cannot(s, name, err.line, err.text);
    } else {
        if (!says_something(&m))
            say(name, 0, "", "nothing in it to review");
        for (const manifest_document *d = m.documents; d; d = d->next)
            review_document(s, &m, d);
    }
    manifest_release(&m);
}

/* ---- the command -------------------------------------------------------- */

static void help(void)
{
    puts("Usage: castslice review [FLAGS] FILE…\n\n"
         "What would happen to a Pod, and why: the same engine and the same policy as the server, for files.\n"
         "A file holds Pods, workloads with a Pod template (Deployment, StatefulSet, DaemonSet, ReplicaSet,\n"
         "ReplicationController, Job, CronJob, PodTemplate), Lists of them, or AdmissionReviews; YAML or JSON, one\n"
         "document or several. - is stdin.\n"
         "What has no Pods is skipped with a note. Nothing is changed and no cluster is asked.\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_REVIEW);
    puts("\nForms of output:\n"
         "  text       for people: the decision, why, and the lines that change\n"
         "  json       one line for each Pod: name, namespace, allowed, mutated, slices, reason, rule, message,\n"
         "             warnings, notes, patch\n"
         "  patch      one line for each Pod: the RFC 6902 patch, its paths from the root of the document\n"
         "             (for an AdmissionReview: from its object)\n"
         "  object     the file with the changes written in; comments and all else keep their bytes\n"
         "  admission  one line for each Pod: the AdmissionReview the server would answer\n\n"
         "Exit status: 0 allowed, 1 denied, 2 something could not be decided: a bad file, a policy that fails.\n\n"
         "Examples:\n"
         "  castslice review deployment.yaml                     what the embedded policy makes of it\n"
         "  castslice review --policy ./policy deployment.yaml   what yours does\n"
         "  castslice review -o object pod.yaml | kubectl apply -f -\n"
         "  kubectl get deployments -A -o json | castslice review -o json - | jq 'select(.mutated)'");
}

static int usage(const char *sentence)
{
    fprintf(stderr, "castslice review: %s\n", sentence);
    return EXIT_CANNOT;
}

static void choose_form(session *s)
{
    static report_writer *const writers[OUTPUT_FORMS] = {
        [OUTPUT_JSON] = report_json, [OUTPUT_PATCH] = report_patch, [OUTPUT_ADMISSION] = report_admission,
    };
    s->text = s->options.output == OUTPUT_TEXT;
    s->object = s->options.output == OUTPUT_OBJECT;
    s->write = writers[s->options.output];
}

int cmd_review(int argc, char **argv)
{
    session s = { .status = EXIT_DONE };
    error err;
    if (!options_parse(&s.options, OPTIONS_REVIEW, argc, argv, &err))
        return usage(err.text);
    if (s.options.help) {
        help();
        return EXIT_DONE;
    }
    if (s.options.operand_count == 0)
        return usage("which file? Name one or more, or - for stdin; --help tells more");
    choose_form(&s);
    s.bundle = bundle_load(s.options.policy, 1, options_limits(&s.options), &err);
    if (!s.bundle) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_CANNOT;
    }
    for (size_t i = 0; i < s.options.operand_count; i++)
        review_file(&s, s.options.operands[i]);
    bundle_unref(s.bundle);
    if (fflush(stdout) != 0 || ferror(stdout))
        return usage("cannot write the output");
    return s.status;
}
