/* commands.h - one function per command: argv starts after the command's name, the result is the exit status. */
#ifndef CASTSLICE_COMMANDS_H
#define CASTSLICE_COMMANDS_H

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_CANNOT = 2 };

int cmd_serve(int argc, char **argv);
int cmd_review(int argc, char **argv);
int cmd_certificate(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
