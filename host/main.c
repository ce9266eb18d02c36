/* main.c - finds the command and runs it. Where to read on: cmd_serve.c, then http.c, then admission.c. */
#include "commands.h"
#include "nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "serve", cmd_serve, "the webhook: answers the API server's AdmissionReviews" },
    { "review", cmd_review, "what would happen to a Pod, a workload or a recorded review, and why" },
    { "test", cmd_test, "a policy bundle's own cases, through the engine that serves" },
    { "check", cmd_check, "what is wrong with a policy bundle, before a reload says so" },
    { "certificate", cmd_certificate, "a serving certificate without cert-manager, or what is wrong with one" },
    { "version", cmd_version, "this program's version and its libraries'" },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *out)
{
    fputs("CastSlice turns whole-GPU requests into shared slices, by a Lua policy anyone can read.\n\n"
          "Usage: castslice COMMAND [FLAGS] [FILES]\n\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    fputs("\n`castslice COMMAND --help` tells more.\n"
          "Exit status: 0 done, 1 the answer is no, 2 it could not be done.\n", out);
}

static int unknown(const char *name)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest_word(name, names, COMMANDS);
    fprintf(stderr, "castslice: unknown command %s%s%s%s\n", name, near ? ", did you mean " : "; --help lists them",
            near ? near : "", near ? "?" : "");
    return EXIT_CANNOT;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return EXIT_CANNOT;
    }
    if (is_one_of(argv[1], "--help", "-h", "help")) {
        help(stdout);
        return EXIT_DONE;
    }
    if (is_one_of(argv[1], "--version", "-V", "-v"))
        return cmd_version(0, NULL);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    return unknown(argv[1]);
}
