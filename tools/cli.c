/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c: flags, error sentences and the context of a command; see cli.h. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_fail(int code, const char *fmt, ...) {
  va_list args;
  fflush(stdout);
  va_start(args, fmt);
  fputs("convoke: ", stderr);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  return code;
}

int cli_library(const char *what) { return cli_fail(CLI_FAILED, "%s: %s", what, cvk_error_message()); }

static int is_number_type(int type) { return type == FLAG_INT || type == FLAG_NUMBER; }

/* Stores a flag's value; 0: it does not fit. */
static int store(const cli_flag *f, const char *value) {
  char *end = NULL;
  errno = 0;
  if (f->type == FLAG_TEXT) {
    *(const char **)f->to = value;
    return 1;
  }
  if (f->type == FLAG_LIST) {
    cli_list *list = f->to;
    if (list->n == CLI_LIST_MAX) return 0;
    list->item[list->n++] = value;
    return 1;
  }
  if (f->type == FLAG_CHOICE) {
    const size_t n = strlen(value);
    int index = 0;
    for (const char *c = f->choices; c; c = strchr(c, '|'), index++) {
      c += *c == '|';
      if (strncmp(c, value, n) != 0 || (c[n] != 0 && c[n] != '|')) continue;
      *(int *)f->to = index;
      return n > 0;
    }
    return 0;
  }
  if (f->type == FLAG_INT) *(int64_t *)f->to = strtoll(value, &end, 10);
  else *(double *)f->to = strtod(value, &end);
  return errno == 0 && end != value && *end == 0;
}

static const char *value_name(const cli_flag *f) {
  if (f->type == FLAG_SWITCH) return "";
  return f->type == FLAG_CHOICE ? f->choices : is_number_type(f->type) ? "N" : "TEXT";
}

static void help(const char *command, const cli_flag *flags, size_t n) {
  const cli_command *c = cli_find(command);
  printf("usage: convoke %s %s [FLAGS]\n%s\n\n", command, c->arguments, c->summary);
  for (size_t i = 0; i < n; i++) printf("  %-14s %-10s %s\n", flags[i].name, value_name(&flags[i]), flags[i].help);
}

int cli_parse(const char *command, int argc, char **argv, const cli_flag *flags, size_t n_flags, const char **positional, int min, int max,
              int *n_positional) {
  int n = 0, only_positional = 0;
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i], *equals = strchr(arg, '=');
    const size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
    if (!only_positional && strcmp(arg, "--help") == 0) {
      help(command, flags, n_flags);
      return CLI_OK;
    }
    if (!only_positional && strcmp(arg, "--") == 0) {
      only_positional = 1;
      continue;
    }
    if (only_positional || strncmp(arg, "--", 2) != 0) {
      if (n == max) return cli_fail(CLI_USAGE, "%s takes %d argument%s, '%s' is one too many", command, max, max == 1 ? "" : "s", arg);
      positional[n++] = arg;
      continue;
    }
    const cli_flag *f = NULL;
    for (size_t k = 0; k < n_flags; k++) {
      if (strlen(flags[k].name) == length && strncmp(flags[k].name, arg, length) == 0) f = &flags[k];
    }
    if (f == NULL) return cli_fail(CLI_USAGE, "%s has no flag '%.*s'; convoke %s --help lists them", command, (int)length, arg, command);
    if (f->type == FLAG_SWITCH) {
      if (equals) return cli_fail(CLI_USAGE, "%s takes no value", f->name);
      *(int *)f->to = 1;
      continue;
    }
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
    if (value == NULL) return cli_fail(CLI_USAGE, "%s needs a value (%s)", f->name, value_name(f));
    if (!store(f, value)) return cli_fail(CLI_USAGE, "%s: '%s' is not allowed, it takes %s", f->name, value, value_name(f));
  }
  if (n < min) return cli_fail(CLI_USAGE, "%s needs %s; convoke %s --help tells more", command, cli_find(command)->arguments, command);
  *n_positional = n;
  return -1;
}

/* CONVOKE_LOG asked for text: it belongs on stderr. */
static void log_line(void *arg, int32_t level, const char *text) {
  static const char *const names[] = {"error", "warning", "info", "dispatch"};
  (void)arg;
  fprintf(stderr, "convoke: %s: %s\n", level >= 0 && level <= CVK_LOG_DISPATCH ? names[level] : "log", text);
}

int cli_context(const cli_common *c, cvk_context **out) {
  if (c->threads < 0 || c->threads > 4096) return cli_fail(CLI_USAGE, "--threads: %lld is not in 1..4096", (long long)c->threads);
  const cvk_context_options options = {.num_threads = (int32_t)c->threads, .cpu_isa = c->cpu_isa, .kernel = c->kernel,
                                       .log = getenv("CONVOKE_LOG") ? log_line : NULL};
  return cvk_context_create(&options, out) == CVK_OK ? CLI_OK : cli_library("context");
}

cvk_session_options cli_session_options(const cli_common *c) {
  return (cvk_session_options){.device = c->device, .fallback = c->fallback, .flags = c->exact ? CVK_EXACT : 0};
}

void cli_print_json(cJSON *root) {
  char *text = cJSON_Print(root);
  if (text) puts(text);
  cJSON_free(text);
  cJSON_Delete(root);
}

void cli_add_places(const cvk_session_report *r, cJSON *root) {
  const int is_cpu = strcmp(r->device, "cpu") == 0, is_reference = strcmp(r->device, "reference") == 0;
  cJSON *ops = cJSON_AddObjectToObject(root, "ops");
  cJSON_AddNumberToObject(ops, "reference", r->ops_reference + (is_reference ? r->ops_device : 0));
  cJSON_AddNumberToObject(ops, "cpu", r->ops_cpu + (is_cpu ? r->ops_device : 0));
  if (!is_cpu && !is_reference) cJSON_AddNumberToObject(ops, r->device, r->ops_device);
  cJSON_AddNumberToObject(ops, "views", r->views);
  cJSON_AddNumberToObject(ops, "reorders", r->reorders);
  cJSON_AddNumberToObject(root, "copies", (double)r->copies);
  cJSON_AddNumberToObject(root, "copied_bytes", (double)r->copied_bytes);
}
