/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h: what all subcommands of the convoke program share: flags, the context, error sentences. Results go to stdout, all else to stderr.
 * Exit status: 0 done, 1 a check or the work failed, 2 wrong usage. */
#ifndef CVK_CLI_H
#define CVK_CLI_H

#include <cjson/cJSON.h>
#include <convoke/convoke.h>
#include <stdio.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- flags ---- */

enum { FLAG_TEXT, FLAG_INT, FLAG_NUMBER, FLAG_SWITCH, FLAG_LIST, FLAG_CHOICE };

#define CLI_LIST_MAX 64
typedef struct cli_list { int32_t n; const char *item[CLI_LIST_MAX]; } cli_list;

typedef struct cli_flag {
  const char *name;    /* "--device" */
  int type;
  void *to;            /* const char **, int64_t *, double *, int *, cli_list *, int * (index of the choice) */
  const char *choices; /* FLAG_CHOICE: "cpu|none" */
  const char *help;
} cli_flag;

typedef struct cli_common { /* flags of every command that touches a device */
  const char *device, *cpu_isa, *kernel;
  int64_t threads;
  int fallback; /* CVK_FALLBACK_* */
  int exact, json;
} cli_common;

#define CLI_COMMON_FLAGS(C)                                                                                                            \
  {"--device", FLAG_TEXT, &(C).device, NULL, "auto, cpu, reference, opencl, opencl:1, a name or a glob"},                              \
  {"--threads", FLAG_INT, &(C).threads, NULL, "CPU threads"},                                                                          \
  {"--fallback", FLAG_CHOICE, &(C).fallback, "cpu|none", "where an op runs that the device lacks: cpu (counted) or none (an error)"},  \
  {"--cpu-isa", FLAG_TEXT, &(C).cpu_isa, NULL, "highest instruction set to use: scalar, sse41, avx2, avx512, neon"},                         \
  {"--kernel", FLAG_TEXT, &(C).kernel, NULL, "kernel rows to force, separated by ','"},                                                \
  {"--exact", FLAG_SWITCH, &(C).exact, NULL, "no row of a larger error bound than direct summation"},                                  \
  {"--json", FLAG_SWITCH, &(C).json, NULL, "one JSON document on stdout"}

typedef struct cli_command {
  const char *name, *arguments, *summary;
  int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} cli_command;
extern const cli_command cli_commands[]; /* ends with a NULL name */
const cli_command *cli_find(const char *name);

/* Parses argv[1..]: flags into their targets, the rest into positional. Prints help for --help. Returns -1 to go on, else the exit status. */
int cli_parse(const char *command, int argc, char **argv, const cli_flag *flags, size_t n_flags, const char **positional, int min, int max,
              int *n_positional);

/* ---- errors, context, sessions ---- */

int cli_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* "convoke: sentence" on stderr; returns code */
int cli_library(const char *what);          /* cli_fail(CLI_FAILED) with the library's message */
int cli_context(const cli_common *c, cvk_context **out); /* CLI_OK or the exit status, told */
cvk_session_options cli_session_options(const cli_common *c);
void cli_print_json(cJSON *root); /* on stdout; frees root */

/* "ops": how many ops ran where (the session's own device counts under its kind), "copies", "copied_bytes". */
void cli_add_places(const cvk_session_report *r, cJSON *root);

/* ---- commands ---- */

int cmd_devices(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_features(int argc, char **argv);
int cmd_onnx_test(int argc, char **argv);
int cmd_cases(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_new_plugin(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_train(int argc, char **argv);

#endif
