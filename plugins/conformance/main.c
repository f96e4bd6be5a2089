/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: convoke-conformance PLUGIN.so: arguments, groups of checks in children, their lines into the report. Exit status: 0 all passed, 1 not, 2 wrong
 * usage. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance.h"
#include "op_table.h"
#include "report.h"

enum { SILENCE_S = 120, MOST_CRASHES = 20 /* of one op; then the rest of its cases counts as failed */ };

typedef struct options {
  const char *path, *op, *junit;
  int32_t device, json, no_speed;
} options;

static report r;
static int64_t out_bytes, err_bytes;

/* ---- usage ---- */

static void usage(FILE *to) {
  fprintf(to,
          "usage: convoke-conformance PLUGIN.so [FLAGS]\n"
          "Holds a plugin against the rules of Convoke's plugin boundary, and each of its ops against the plain-C reference.\n\n"
          "  --op NAME      only this op's cases, no rules\n"
          "  --device N     the backend's device to test (0)\n"
          "  --json         one JSON document on stdout\n"
          "  --junit FILE   a JUnit file besides\n"
          "  --no-speed     no times\n");
}

static int __attribute__((format(printf, 2, 3))) stop(int code, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fprintf(stderr, "convoke-conformance: ");
  vfprintf(stderr, fmt, args);
  fprintf(stderr, "\n");
  va_end(args);
  return code;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, options *o) {
  for (int i = 1; i < argc; i++) {
    const char *a = argv[i];
    const int more = i + 1 < argc;
    if (strcmp(a, "--help") == 0) return usage(stdout), 0;
    if (strcmp(a, "--json") == 0) o->json = 1;
    else if (strcmp(a, "--no-speed") == 0) o->no_speed = 1;
    else if (strcmp(a, "--op") == 0 && more) o->op = argv[++i];
    else if (strcmp(a, "--junit") == 0 && more) o->junit = argv[++i];
    else if (strcmp(a, "--device") == 0 && more) o->device = atoi(argv[++i]);
    else if (a[0] == '-') return stop(2, "%s is no flag, or its value is missing; --help lists them", a);
    else if (o->path) return stop(2, "one plugin at a time: %s, %s", o->path, a);
    else o->path = a;
  }
  if (o->path == NULL) return usage(stderr), 2;
  return -1;
}

/* ---- lines ---- */

/* Cuts the next field off. */
static char *field(char **rest) {
  char *at = *rest, *tab = strchr(at, '\t');
  *rest = tab ? tab + 1 : at + strlen(at);
  if (tab) *tab = '\0';
  return at;
}

static void add_fault(const char *op, const char *text, const char *why) {
  if (r.n_faults == MOST_FAULTS) {
    r.more_faults++;
    return;
  }
  fault *f = &r.faults[r.n_faults++];
  f->op = op;
  snprintf(f->text, sizeof f->text, "'%.250s': %.440s", text ? text : "", why);
}

static void add_row(op_line *o, const char *row) {
  for (int32_t i = 0; i < o->n_rows; i++) {
    if (strcmp(o->row[i], row) == 0) return;
  }
  if (o->n_rows < MOST_ROWS) snprintf(o->row[o->n_rows++], NAME, "%s", row);
}

typedef struct op_progress { op_line *line; int32_t kind, next; } op_progress;

static void take_op_line(void *arg, char *line) {
  op_progress *p = arg;
  const char *mark = field(&line);
  if (mark[0] == 'W') {
    add_row(p->line, line);
  } else if (mark[0] == 'S') {
    p->line->ns = atof(field(&line));
    p->line->cpu_ns = atof(line);
  } else if (mark[0] == 'F') {
    p->line->failed++;
    add_fault(p->line->name, "after all cases", line);
  } else if (mark[0] == 'C') {
    const int32_t index = atoi(field(&line));
    const char *verdict = field(&line);
    const double worst = atof(field(&line));
    p->next = index + 1;
    p->line->cases++;
    p->line->passed += verdict[0] == 'P';
    p->line->skipped += verdict[0] == 'S';
    if (worst > p->line->worst) p->line->worst = worst;
    if (verdict[0] != 'F') return;
    p->line->failed++;
    add_fault(p->line->name, op_case_text(p->kind, index), line);
  }
}

static void take_rule_line(void *arg, char *line) {
  rule_line *l = arg;
  field(&line);
  const char *verdict = field(&line);
  if (strcmp(l->verdict, "FAIL") == 0) return; /* the first fault is told */
  l->verdict = strcmp(verdict, "FAIL") == 0 ? "FAIL" : "SKIP";
  snprintf(l->text, sizeof l->text, "%s", line);
}

/* ---- groups ---- */

static void count_output(const child_end *end) {
  out_bytes += end->out_bytes;
  err_bytes += end->err_bytes;
}

/* A crash costs one case: the next child goes on behind it. */
static void run_op(const options *o, const cvk_op_def *def, const char *cpu_path) {
  op_line *line = &r.ops[r.n_ops];
  op_progress progress = {.line = line, .kind = def->kind};
  group_arg g = {.path = o->path, .cpu_path = cpu_path, .device = o->device, .kind = def->kind};
  const int32_t n = op_cases_of(def->kind);
  child_end end;
  *line = (op_line){.name = def->name};
  for (int32_t crashes = 0; progress.next < n && crashes < MOST_CRASHES;) {
    g.from = progress.next;
    child_run(op_group, &g, SILENCE_S, (line_sink){take_op_line, &progress}, &end);
    count_output(&end);
    if (end.complete) break;
    crashes++;
    if (progress.next >= n) add_fault(line->name, "", end.what), line->failed++;
    else add_fault(line->name, op_case_text(def->kind, progress.next++), end.what), line->cases++, line->failed++;
  }
  for (; progress.next < n; progress.next++) line->cases++, line->failed++;
  if (line->passed && !o->no_speed) {
    child_run(speed_group, &g, SILENCE_S, (line_sink){take_op_line, &progress}, &end);
    count_output(&end);
  }
  r.n_ops++;
}

static const rule_check *running;
static void rule_group(void *arg) {
  child_at("%s", running->title);
  running->run(arg);
}

static void run_rules(const options *o, const rule_check *list) {
  group_arg g = {.path = o->path, .device = o->device};
  for (running = list; running->rule != NULL; running++) {
    rule_line *l = &r.rules[r.n_rules++];
    child_end end;
    *l = (rule_line){.rule = running->rule, .title = running->title, .verdict = "PASS"};
    child_run(rule_group, &g, SILENCE_S, (line_sink){take_rule_line, l}, &end);
    count_output(&end);
    if (end.complete) continue;
    l->verdict = "FAIL";
    snprintf(l->text, sizeof l->text, "%s", end.what);
  }
}

static void judge_output(int drives_hardware) {
  rule_line *l = &r.rules[r.n_rules++];
  *l = (rule_line){.rule = "P6", .title = "prints nothing", .verdict = "PASS"};
  if (out_bytes == 0 && (err_bytes == 0 || drives_hardware)) return; /* drivers talk on standard error */
  l->verdict = "FAIL";
  snprintf(l->text, sizeof l->text, "it wrote %lld bytes to standard output and %lld to standard error", (long long)out_bytes, (long long)err_bytes);
}

/* ---- what it is ---- */

static void describe_group(void *arg) {
  const group_arg *g = arg;
  static test_host host;
  plugin p;
  char why[TEXT_BYTES];
  cvk_context *ctx = NULL;
  cvk_context_create(NULL, &ctx);
  test_host_init(&host, ctx);
  child_at("opening it");
  if (!plugin_load(&p, g->path, why, sizeof why)) {
    child_tell("E\t%s", why);
    return;
  }
  child_tell("B\t%.60s\t%.60s\t%d\t%d", p.table.name, p.table.version, p.table.abi_major, p.table.abi_minor);
  if (!plugin_open(&p, &host, g->device, why, sizeof why)) {
    child_tell("E\t%s", why);
    return;
  }
  child_tell("D\t%d\t%.60s \"%.120s\"", p.host_memory, p.info.id, p.info.name);
  plugin_close(&p);
}

static char refused[TEXT_BYTES];
static int drives_hardware;

static void take_description(void *arg, char *line) {
  const char mark = field(&line)[0];
  (void)arg;
  if (mark == 'E') {
    snprintf(refused, sizeof refused, "%s", line);
  } else if (mark == 'B') {
    snprintf(r.name, sizeof r.name, "%s", field(&line));
    snprintf(r.version, sizeof r.version, "%s", field(&line));
    r.abi_major = atoi(field(&line));
    r.abi_minor = atoi(line);
  } else {
    drives_hardware = atoi(field(&line)) == 0;
    snprintf(r.device, sizeof r.device, "%s", line);
  }
}

/* The cpu backend of this installation or build tree. */
static const char *find_cpu(void) {
  static const char *const from_here[] = {CPU_FROM_PROGRAM, "../../backends/cpu/convoke-cpu.so"};
  static char path[PATH_MAX];
  char here[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", here, sizeof here - 1);
  if (n <= 0) return NULL;
  here[n] = '\0';
  char *slash = strrchr(here, '/');
  if (slash == NULL) return NULL;
  *slash = '\0';
  for (int i = 0; i < 2; i++) {
    if (snprintf(path, sizeof path, "%s/%s", here, from_here[i]) < (int)sizeof path && access(path, R_OK) == 0) return path;
  }
  return NULL;
}

int main(int argc, char **argv) {
  options o = {.path = NULL};
  child_end end;
  int32_t passed, failed, skipped, ops = 0;
  static char path[PATH_MAX];
  const int code = parse(argc, argv, &o);
  if (code >= 0) return code;
  if (realpath(o.path, path) == NULL) return stop(2, "%s: no such file", o.path);
  o.path = r.path = path;
  group_arg g = {.path = path, .device = o.device};
  child_run(describe_group, &g, SILENCE_S, (line_sink){take_description, NULL}, &end);
  if (!end.complete) return stop(1, "%s: %s", path, end.what);
  if (refused[0]) return stop(1, "%s: %s", path, refused);
  for (int32_t i = 0; cvk_op_def_at(i); i++) {
    const cvk_op_def *def = cvk_op_def_at(i);
    if (o.op && strcmp(o.op, def->name) != 0) continue;
    if (op_cases_of(def->kind) == 0 || r.n_ops == MOST_OPS) continue;
    run_op(&o, def, find_cpu());
    ops++;
  }
  if (ops == 0) return stop(2, "there is no op '%s' with cases", o.op);
  if (o.op == NULL) {
    run_rules(&o, rule_checks);
    run_rules(&o, device_checks);
    judge_output(drives_hardware);
  }
  if (o.json) report_json(&r);
  else report_text(&r);
  if (o.junit && !report_junit(&r, o.junit)) return stop(2, "%s cannot be written", o.junit);
  report_count(&r, &passed, &failed, &skipped);
  return failed || passed == 0;
}
