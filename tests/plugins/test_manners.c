/* SPDX-License-Identifier: Apache-2.0 */
/* test_manners.c: reads the sources. A backend includes convoke/plugin.h and its own files, reads no environment, prints nothing and ends
 * no process; the library prints, aborts and exits nowhere, and touches the environment in one place. Comments and strings do not count.
 * Rules of docs/plugin-abi.md: P2, P6, P17. */
#define _GNU_SOURCE
#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"

typedef struct rule {
  const char *folder;        /* below the source root */
  const char *const *except; /* files or folders below the source root, NULL-terminated */
  const char *const *word;   /* calls that must not stand there, NULL-terminated */
} rule;

static const char *const none[] = {NULL};
/* programs, or for copying, not part of the library */
static const char *const not_library[] = {"plugins/template", "plugins/conformance", "plugins/probe/", NULL};
static const char *const environment_places[] = {"api/context.c",    "plugins/template", "plugins/conformance", "plugins/probe/",
                                                 "plugins/loader.c", "plugins/opencl_drivers.c", NULL};
static const char *const endings[] = {"printf", "vprintf",    "fprintf", "puts",   "putchar", "perror",    "exit",    "_exit",
                                      "_Exit",  "quick_exit", "abort",   "assert", "signal",  "sigaction", "longjmp", NULL};
static const char *const environment[] = {"getenv", "secure_getenv", "setenv", "putenv", "unsetenv", NULL};

static const rule rules[] = {
    {"backends", none, endings},       {"backends", none, environment},          {"api", not_library, endings},
    {"plugins", not_library, endings}, {"api", environment_places, environment}, {"plugins", environment_places, environment},
};

static const rule *current;
static int files, faults;
static char report[8000];

static void fault(const char *path, int line, const char *what, const char *text) {
  const size_t used = strlen(report);
  faults++;
  snprintf(report + used, sizeof report - used, "\n%s:%d: %s %s", path + strlen(SOURCE_ROOT) + 1, line, what, text);
}

/* Overwrites comments with spaces, and the insides of strings where strings is nonzero; lines stay. */
static void blank(char *p, int strings) {
  while (*p != '\0') {
    if (p[0] == '/' && p[1] == '*') {
      for (; *p != '\0' && !(p[0] == '*' && p[1] == '/'); p++)
        if (*p != '\n') *p = ' ';
      if (*p != '\0') p[0] = p[1] = ' ';
    } else if (p[0] == '/' && p[1] == '/') {
      while (*p != '\0' && *p != '\n') *p++ = ' ';
    } else if (*p == '"' || *p == '\'') {
      const char quote = *p++;
      for (; *p != '\0' && *p != quote && *p != '\n'; p++) {
        const int escape = *p == '\\' && p[1] != '\0';
        if (strings) *p = ' ';
        p += escape;
        if (strings && escape && *p != '\n') *p = ' ';
      }
      p += *p == quote;
    } else {
      p++;
    }
  }
}

static char *read_source(const char *path, int strings) {
  char *text = NULL;
  size_t size = 0;
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  if (getdelim(&text, &size, '\0', f) < 0) {
    free(text);
    text = strdup("");
  }
  fclose(f);
  blank(text, strings);
  return text;
}

static int is_source(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot != NULL && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 || strcmp(dot, ".inc") == 0);
}

static int is_excepted(const char *path) {
  const char *below = path + strlen(SOURCE_ROOT) + 1;
  for (const char *const *e = current->except; *e != NULL; e++)
    if (strncmp(below, *e, strlen(*e)) == 0) return 1;
  return 0;
}

static int in_word(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

static int look_for_calls(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)ftw;
  if (type != FTW_F || !is_source(path) || is_excepted(path)) return 0;
  char *text = read_source(path, 1);
  files++;
  for (const char *const *word = current->word; *word != NULL; word++) {
    for (const char *p = text; (p = strstr(p, *word)) != NULL; p++) {
      const char *after = p + strlen(*word);
      if (in_word(*after) || (p > text && (in_word(p[-1]) || p[-1] == '.' || (p[-1] == '>' && p[-2] == '-')))) continue;
      after += strspn(after, " ");
      if (*after != '(') continue;
      int line = 1;
      for (const char *q = text; q < p; q++) line += *q == '\n';
      fault(path, line, "calls", *word);
    }
  }
  free(text);
  return 0;
}

static int look_at_includes(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)ftw;
  if (type != FTW_F || !is_source(path)) return 0;
  char *text = read_source(path, 0), *rest = text, *line;
  files++;
  for (int n = 1; (line = strsep(&rest, "\n")) != NULL; n++) {
    line += strspn(line, " \t");
    if (*line != '#') continue;
    line += 1 + strspn(line + 1, " \t");
    if (strncmp(line, "include", 7) != 0) continue;
    line += 7 + strspn(line + 7, " \t");
    if (strstr(line, "convoke/") != NULL && strcmp(line, "<convoke/plugin.h>") != 0) fault(path, n, "includes", line);
    if (strstr(line, "../../") != NULL || strstr(line, "api/") != NULL) fault(path, n, "includes", line);
  }
  free(text);
  return 0;
}

START_TEST(backends_include_only_plugin_h) {
  ck_assert_int_eq(nftw(SOURCE_ROOT "/backends", look_at_includes, 16, FTW_PHYS), 0);
  ck_assert_int_gt(files, 0);
  ck_assert_msg(faults == 0, "%d faults:%s", faults, report);
}
END_TEST

START_TEST(calls_that_must_not_be) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    char folder[4096];
    current = &rules[i];
    snprintf(folder, sizeof folder, "%s/%s", SOURCE_ROOT, current->folder);
    ck_assert_int_eq(nftw(folder, look_for_calls, 16, FTW_PHYS), 0);
  }
  ck_assert_int_gt(files, 0);
  ck_assert_msg(faults == 0, "%d faults:%s", faults, report);
}
END_TEST

SUITE("manners", backends_include_only_plugin_h, calls_that_must_not_be)
