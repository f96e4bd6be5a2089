/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench.c: convoke bench: how long a model and each of its ops take, or each layer of a CSV file, beside what the machine reaches.
 *
 * A layer under --layout blocked is timed as an op between neighbours, reorders not counted (the session's profile); under --layout nchw as
 * a run from a plain tensor to a plain tensor, with all that takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench_layer.h"
#include "bench_run.h"
#include "cli.h"
#include "inputs.h"
#include "machine.h"
#include "timing.h"

enum { ROWS_MAX = 64, ROW_BYTES = 96, LINE_BYTES = 512 };

typedef struct bench {
  cli_common common;
  machine_rates machine;
  bench_limits limits;
  int layout, every_row;
  cJSON *rows; /* with --json */
} bench;

/* ---- output ---- */

static void print_text(const char *s) {
  if (strpbrk(s, ",\"\n") == NULL) {
    fputs(s, stdout);
    return;
  }
  putchar('"');
  for (; *s; s++) fputs(*s == '"' ? "\"\"" : (char[2]){*s, 0}, stdout);
  putchar('"');
}

static void print_head(const bench *b) {
  if (b->rows) return;
  printf("# machine: threads=%d fma_gflops=%.1f read_gbytes_per_s=%.1f\n", b->machine.threads, b->machine.fma_gflops,
         b->machine.read_gbytes_per_s);
  printf("name,kernel,threads,median_us,min_us,gflops,peak_percent,gbytes_per_s,workspace_bytes\n");
}

/* A result of `multiply_adds` and `bytes` of tensors; s is sorted on the way. */
static void print_row(const bench *b, const char *name, const char *kernel, bench_samples *s, int64_t multiply_adds, int64_t bytes,
                      uint64_t workspace) {
  const double median = timing_quantile_ms(s->ns, s->n, 0.5) * 1e3, least = timing_quantile_ms(s->ns, s->n, 0) * 1e3;
  const double us = median > 0 ? median : 1e-3, gflops = 2e-3 * (double)multiply_adds / us, gbytes = 1e-3 * (double)bytes / us;
  const double percent = 100 * gflops / b->machine.fma_gflops;
  if (b->rows == NULL) {
    print_text(name);
    printf(",%s,%d,%.3f,%.3f,%.2f,%.1f,%.2f,%llu\n", kernel, b->machine.threads, median, least, gflops, percent, gbytes,
           (unsigned long long)workspace);
    fflush(stdout);
    return;
  }
  cJSON *o = cJSON_CreateObject();
  cJSON_AddStringToObject(o, "name", name);
  cJSON_AddStringToObject(o, "kernel", kernel);
  cJSON_AddNumberToObject(o, "threads", b->machine.threads);
  cJSON_AddNumberToObject(o, "median_us", median);
  cJSON_AddNumberToObject(o, "min_us", least);
  cJSON_AddNumberToObject(o, "gflops", gflops);
  cJSON_AddNumberToObject(o, "peak_percent", percent);
  cJSON_AddNumberToObject(o, "gbytes_per_s", gbytes);
  cJSON_AddNumberToObject(o, "workspace_bytes", (double)workspace);
  cJSON_AddItemToArray(b->rows, o);
}

static void print_json(const bench *b) {
  cJSON *root = cJSON_CreateObject(), *machine = cJSON_AddObjectToObject(root, "machine");
  cJSON_AddNumberToObject(machine, "threads", b->machine.threads);
  cJSON_AddNumberToObject(machine, "fma_gflops", b->machine.fma_gflops);
  cJSON_AddNumberToObject(machine, "read_gbytes_per_s", b->machine.read_gbytes_per_s);
  cJSON_AddItemToObject(root, "rows", b->rows);
  cli_print_json(root);
}

/* ---- layers ---- */

typedef struct row_names { /* of a layer, the one that is timed first and the others */
  int32_t n;
  char name[ROWS_MAX][ROW_BYTES];
} row_names;

static void add_row_name(row_names *names, const char *row) {
  int32_t same = 0;
  while (same < names->n && strcmp(names->name[same], row) != 0) same++;
  if (same == names->n && names->n < ROWS_MAX) snprintf(names->name[names->n++], ROW_BYTES, "%s", row);
}

/* The op called `name` in the report; -1: none. */
static int32_t find_op(cvk_session *s, const char *name, cvk_op_report *op) {
  for (int32_t i = 0; cvk_session_op_report(s, i, op) == CVK_OK; i++) {
    if (op->kind != CVK_OP_REORDER && strcmp(op->name, name) == 0) return i;
  }
  return -1;
}

typedef struct subject { /* a layer about to be timed */
  cvk_context *ctx;
  cvk_graph *graph;
  cvk_tensor *in;
} subject;

static void subject_free(subject *s) {
  cvk_tensor_release(s->in);
  cvk_graph_release(s->graph);
  cvk_context_release(s->ctx);
}

/* forced: kernel rows, or NULL for what the command line says. */
static int subject_make(const bench *b, const bench_layer *l, const char *forced, subject *s) {
  cli_common common = b->common;
  cvk_value_info info = {.struct_size = sizeof info};
  if (forced) common.kernel = forced;
  const int code = cli_context(&common, &s->ctx);
  if (code != CLI_OK) return code;
  cvk_status status = bench_layer_graph(s->ctx, l, b->layout, &s->graph);
  if (status == CVK_OK) status = cvk_graph_input_info(s->graph, 0, &info);
  if (status == CVK_OK) status = bench_tensor(info.rank, info.dim, 1, &s->in);
  return status == CVK_OK ? CLI_OK : cli_library(l->name);
}

/* Prints what was measured, unless another row ran than the one asked for: forcing ends where a row refuses. */
static int print_layer(const bench *b, const bench_layer *l, bench_run *r, const char *asked) {
  cvk_op_report op = {.struct_size = sizeof op};
  cvk_session_report report = {.struct_size = sizeof report};
  const int32_t at = find_op(r->session, l->name, &op);
  if (at < 0 || cvk_session_report_get(r->session, &report) != CVK_OK)
    return cli_fail(CLI_FAILED, "%s: the report has no such op", l->name);
  if (asked && strcmp(asked, op.kernel) != 0) return CLI_OK;
  print_row(b, l->name, op.kernel, r->n_ops ? &r->op[at] : &r->whole, op.multiply_adds, op.bytes, report.workspace_bytes);
  return CLI_OK;
}

static int time_layer(const bench *b, const bench_layer *l, const char *forced, const char *asked) {
  cvk_session_options options = cli_session_options(&b->common);
  subject s = {0};
  bench_run r = {0};
  options.profile = b->layout == BENCH_BLOCKED;
  int code = subject_make(b, l, forced, &s);
  if (code == CLI_OK && bench_run_graph(s.graph, &options, &s.in, &b->limits, &r) != CVK_OK) code = cli_library(l->name);
  if (code == CLI_OK) code = print_layer(b, l, &r, asked);
  bench_run_free(&r);
  subject_free(&s);
  return code;
}

/* The rows that the device ranks first, of the layer and its neighbours, as text for cli_common.kernel: by itself a small layer may not pay for
 * the reorders that a network saves it. names: the rows for the layer, the one taken first. */
static int plan_layer(const bench *b, const bench_layer *l, char *forced, size_t forced_bytes, row_names *names) {
  const cvk_session_options options = cli_session_options(&b->common);
  cvk_op_report op = {.struct_size = sizeof op};
  cvk_session *session = NULL;
  subject s = {0};
  const char *row;
  size_t used = b->common.kernel ? (size_t)snprintf(forced, forced_bytes, "%s", b->common.kernel) : 0;
  int code = used < forced_bytes ? CLI_OK : cli_fail(CLI_USAGE, "--kernel: '%s' is too long", b->common.kernel);
  if (code == CLI_OK) code = subject_make(b, l, NULL, &s);
  if (code == CLI_OK && cvk_session_create(s.graph, &options, &session) != CVK_OK) code = cli_library(l->name);
  for (int32_t i = 0; code == CLI_OK && cvk_session_op_report(session, i, &op) == CVK_OK; i++) {
    if ((row = cvk_session_op_row(session, i, 0)) == NULL || used + strlen(row) + 2 > forced_bytes) continue;
    used += (size_t)snprintf(forced + used, forced_bytes - used, "%s%s", used ? "," : "", row);
  }
  const int32_t at = code == CLI_OK ? find_op(session, l->name, &op) : -1;
  if (at >= 0 && b->layout == BENCH_NCHW) add_row_name(names, op.kernel);
  for (int32_t k = 0; at >= 0 && (row = cvk_session_op_row(session, at, k)) != NULL; k++) add_row_name(names, row);
  cvk_session_release(session);
  subject_free(&s);
  return code;
}

/* The best row first, then, with --kernel all, the others. */
static int bench_one_layer(const bench *b, const bench_layer *l) {
  char forced[4 * ROW_BYTES] = "";
  row_names names = {0};
  int code = plan_layer(b, l, forced, sizeof forced, &names);
  if (code == CLI_OK) code = time_layer(b, l, b->layout == BENCH_BLOCKED && *forced ? forced : NULL, NULL);
  for (int32_t i = 1; b->every_row && i < names.n && code == CLI_OK; i++) code = time_layer(b, l, names.name[i], names.name[i]);
  return code;
}

static int bench_layers(const bench *b, const char *file) {
  char line[LINE_BYTES], why[256];
  bench_layer l;
  FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
  if (f == NULL) return cli_fail(CLI_FAILED, "%s: %s", file, strerror(errno));
  int code = CLI_OK;
  print_head(b);
  for (int n = 1; code == CLI_OK && fgets(line, sizeof line, f); n++) {
    if (n == 1 && strncmp(line, BENCH_LAYER_HEADER, strlen(BENCH_LAYER_HEADER)) == 0) continue;
    if (!bench_layer_parse(line, &l, why, sizeof why))
      code = cli_fail(CLI_FAILED, "%s: line %d: %s", file, n, why);
    else
      code = bench_one_layer(b, &l);
  }
  if (f != stdin) fclose(f);
  return code;
}

/* ---- models ---- */

static int print_ops(const bench *b, bench_run *r) {
  cvk_op_report op = {.struct_size = sizeof op};
  for (int32_t i = 0; i < r->n_ops; i++) {
    if (cvk_session_op_report(r->session, i, &op) != CVK_OK) return cli_library("bench");
    print_row(b, op.name, op.kernel, &r->op[i], op.multiply_adds, op.bytes, 0);
  }
  return CLI_OK;
}

/* The run as a whole, timed without a profile. */
static int print_network(const bench *b, bench_run *r) {
  cvk_session_report report = {.struct_size = sizeof report};
  cvk_op_report op = {.struct_size = sizeof op};
  int64_t multiply_adds = 0, bytes = 0;
  if (cvk_session_report_get(r->session, &report) != CVK_OK) return cli_library("bench");
  for (int32_t i = 0; i < report.n_ops && cvk_session_op_report(r->session, i, &op) == CVK_OK; i++) {
    multiply_adds += op.multiply_adds;
    bytes += op.bytes;
  }
  print_row(b, "network", report.device, &r->whole, multiply_adds, bytes, report.workspace_bytes);
  return CLI_OK;
}

static int bench_graph(const bench *b, cvk_graph *g, const cli_list *shapes) {
  const cli_list none = {0};
  const int32_t n_in = cvk_graph_input_count(g);
  cvk_tensor **in = calloc((size_t)n_in + 1, sizeof *in);
  int code = in ? inputs_make(g, &none, shapes, in) : cli_fail(CLI_FAILED, "no memory");
  if (code == CLI_OK) print_head(b);
  for (int profile = 1; profile >= 0 && code == CLI_OK; profile--) {
    cvk_session_options options = cli_session_options(&b->common);
    bench_run r;
    options.profile = profile;
    if (bench_run_graph(g, &options, in, &b->limits, &r) != CVK_OK)
      code = cli_library("bench");
    else
      code = profile ? print_ops(b, &r) : print_network(b, &r);
    bench_run_free(&r);
  }
  for (int32_t i = 0; in && i < n_in; i++) cvk_tensor_release(in[i]);
  free(in);
  return code;
}

static int bench_model(const bench *b, const char *file, const cli_list *shapes) {
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  int code = cli_context(&b->common, &ctx);
  if (code != CLI_OK) return code;
  code = cvk_graph_load_onnx(ctx, file, &g) == CVK_OK ? bench_graph(b, g, shapes) : cli_fail(CLI_FAILED, "%s", cvk_error_message());
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return code;
}

/* ---- command ---- */

/* The threads that the CPU backend will have: what --threads says, or the library decides. */
static int measure_machine(bench *b) {
  cvk_context *ctx = NULL;
  cvk_device *cpu = NULL;
  cvk_device_info info = {.struct_size = sizeof info};
  int32_t threads = (int32_t)b->common.threads;
  const int code = cli_context(&b->common, &ctx);
  if (code != CLI_OK) return code;
  if (threads == 0 && cvk_device_open(ctx, "cpu", &cpu) == CVK_OK && cvk_device_describe(cpu, &info) == CVK_OK) threads = info.units;
  cvk_device_release(cpu);
  cvk_context_release(ctx);
  return machine_measure(threads > 0 ? threads : 1, &b->machine)
             ? CLI_OK
             : cli_fail(CLI_FAILED, "can't measure the machine with %d threads", threads);
}

int cmd_bench(int argc, char **argv) {
  bench b = {.layout = BENCH_BLOCKED, .limits.seconds = 0.3};
  cli_list shapes = {0};
  const char *model = NULL, *layers = NULL;
  int n;
  const cli_flag flags[] = {
      {"--layers", FLAG_TEXT, &layers, NULL, "CSV file of layers, - for standard input: " BENCH_LAYER_HEADER},
      {"--layout", FLAG_CHOICE, &b.layout, "nchw|blocked",
       "of a layer: plain in and out, all counted; or as inside a network, the op alone (default)"},
      {"--repeat", FLAG_INT, &b.limits.repeat, NULL, "timed runs of each row, instead of --time"},
      {"--time", FLAG_NUMBER, &b.limits.seconds, NULL, "seconds for the timed runs of each row (0.3)"},
      {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"},
      CLI_COMMON_FLAGS(b.common),
  };
  int code = cli_parse("bench", argc, argv, flags, sizeof flags / sizeof *flags, &model, 0, 1, &n);
  if (code >= 0) return code;
  if ((n == 1) == (layers != NULL))
    return cli_fail(CLI_USAGE, "bench needs MODEL.onnx or --layers FILE.csv, one of them; convoke bench --help tells more");
  if (b.limits.repeat < 0 || b.limits.repeat > 1000000)
    return cli_fail(CLI_USAGE, "--repeat: %lld is not in 1..1000000", (long long)b.limits.repeat);
  if (!(b.limits.seconds > 0 && b.limits.seconds <= 3600)) return cli_fail(CLI_USAGE, "--time: %g is not in 0..3600", b.limits.seconds);
  b.every_row = layers && b.common.kernel && strcmp(b.common.kernel, "all") == 0;
  if (b.every_row) b.common.kernel = NULL;
  code = measure_machine(&b);
  if (code != CLI_OK) return code;
  if (b.common.json) b.rows = cJSON_CreateArray();
  code = layers ? bench_layers(&b, layers) : bench_model(&b, model, &shapes);
  if (code == CLI_OK && b.rows)
    print_json(&b);
  else
    cJSON_Delete(b.rows);
  return code;
}
