/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_tune.c: convoke tune: times every kernel row that a device offers for the ops of a model, or of typical layers, and has the library keep
 * the times. A row counts only where its results are right: on odd shapes, and on the graph's own. A graph runs once for each row, with the row
 * forced wherever it is offered, so that each op is timed among its neighbours. */
#include <stdlib.h>
#include <string.h>

#include "bench_layer.h"
#include "bench_run.h"
#include "cli.h"
#include "inputs.h"
#include "timing.h"
#include "tune_check.h"
#include "tune_layers.h"

enum { ROWS_MAX = 256, OP_ROWS_MAX = 16, REPEAT = 7, WHY_BYTES = 640 };

typedef struct tune_row { /* a row for a kind of op, seen in any graph */
  char name[64];
  int32_t kind, verdict; /* TUNE_* */
} tune_row;

typedef struct tune_op { /* of the graph in hand, run by the device itself */
  int32_t step, node, kind, n; /* step: in the listing session's report */
  int32_t row[OP_ROWS_MAX];    /* those offered: indices into tune.rows */
  int64_t ns[OP_ROWS_MAX];     /* 0: not measured */
  char estimated[64];          /* what the estimates alone choose */
} tune_op;

typedef struct subject { /* what a graph is made of, in each context anew */
  const char *model;
  const bench_layer *layer;
  const cli_list *shapes;
} subject;

typedef struct loaded {
  cvk_context *ctx;
  cvk_graph *graph;
  int32_t n_in;
  cvk_tensor **in;
} loaded;

typedef struct tune {
  cli_common common;
  const char *oracle_device;
  char device[64];
  tune_check *check;
  int64_t end_ns; /* nothing new is begun after it */
  int32_t n_rows;
  tune_row rows[ROWS_MAX];
  int32_t kept, changed, unfinished, wrong;
  cJSON *ops; /* with --json */
} tune;

/* ---- graphs ---- */

static void unload(loaded *l) {
  for (int32_t i = 0; l->in && i < l->n_in; i++) cvk_tensor_release(l->in[i]);
  free(l->in);
  cvk_graph_release(l->graph);
  cvk_context_release(l->ctx);
  *l = (loaded){0};
}

/* row: to force, or NULL. */
static int load(const tune *t, const subject *s, const char *row, loaded *l) {
  const cli_list none = {0};
  cli_common common = t->common;
  common.kernel = row;
  *l = (loaded){0};
  int code = cli_context(&common, &l->ctx);
  if (code != CLI_OK) return code;
  const cvk_status status = s->model ? cvk_graph_load_onnx(l->ctx, s->model, &l->graph) : bench_layer_graph(l->ctx, s->layer, BENCH_BLOCKED, &l->graph);
  if (status != CVK_OK) return cli_fail(CLI_FAILED, "%s", cvk_error_message());
  l->n_in = cvk_graph_input_count(l->graph);
  l->in = calloc((size_t)l->n_in + 1, sizeof *l->in);
  return l->in ? inputs_make(l->graph, &none, s->shapes, l->in) : cli_fail(CLI_FAILED, "no memory");
}

static cvk_session_options options_of(const tune *t) {
  cvk_session_options o = cli_session_options(&t->common);
  o.device = t->device;
  o.untuned = 1;
  return o;
}

/* ---- rows and ops ---- */

static int32_t row_index(tune *t, int32_t kind, const char *name) {
  for (int32_t i = 0; i < t->n_rows; i++) {
    if (t->rows[i].kind == kind && strcmp(t->rows[i].name, name) == 0) return i;
  }
  if (t->n_rows == ROWS_MAX) return -1;
  t->rows[t->n_rows].kind = kind;
  snprintf(t->rows[t->n_rows].name, sizeof t->rows[0].name, "%s", name);
  return t->n_rows++;
}

/* name: of the op that matters, or NULL: all of them. */
static int32_t list_ops(tune *t, cvk_session *s, const char *name, tune_op *ops, int32_t most) {
  cvk_op_report r = {.struct_size = sizeof r};
  int32_t n = 0;
  for (int32_t i = 0; n < most && cvk_session_op_report(s, i, &r) == CVK_OK; i++) {
    const char *row;
    if (r.node < 0 || strcmp(r.device, t->device) != 0 || (name && strcmp(r.name, name) != 0)) continue;
    ops[n] = (tune_op){.step = i, .node = r.node, .kind = r.kind};
    snprintf(ops[n].estimated, sizeof ops[n].estimated, "%s", r.kernel);
    for (int32_t k = 0; ops[n].n < OP_ROWS_MAX && (row = cvk_session_op_row(s, i, k)) != NULL; k++) {
      const int32_t index = row_index(t, r.kind, row);
      int known = index < 0;
      for (int32_t j = 0; j < ops[n].n; j++) known |= ops[n].row[j] == index;
      if (!known) ops[n].row[ops[n].n++] = index;
    }
    n++;
  }
  return n;
}

static void print_wrong(tune *t, int32_t row, const char *why) {
  t->wrong++;
  fprintf(stderr, "convoke: %s: row %s of %s gives wrong results and is not used: %s\n", t->device, t->rows[row].name, cvk_op_name(t->rows[row].kind), why);
}

static void judge(tune *t, int32_t row, int verdict, const char *why) {
  if (t->rows[row].verdict == TUNE_WRONG) return;
  t->rows[row].verdict = verdict;
  if (verdict == TUNE_WRONG) print_wrong(t, row, why);
}

/* ---- measuring ---- */

/* Medians of the ops that ran row `name`. */
static void take_times(const tune *t, bench_run *r, const char *name, tune_op *ops, int32_t n) {
  cvk_op_report op = {.struct_size = sizeof op};
  for (int32_t i = 0; i < r->n_ops; i++) {
    if (cvk_session_op_report(r->session, i, &op) != CVK_OK || op.node < 0 || strcmp(op.kernel, name) != 0) continue;
    for (int32_t k = 0; k < n; k++) {
      for (int32_t j = 0; ops[k].node == op.node && j < ops[k].n; j++) {
        if (strcmp(t->rows[ops[k].row[j]].name, name) != 0) continue;
        const int64_t ns = (int64_t)(timing_quantile_ms(r->op[i].ns, r->op[i].n, 0.5) * 1e6);
        ops[k].ns[j] = ns > 0 ? ns : 1;
      }
    }
  }
}

static int offered(const tune *t, const tune_op *ops, int32_t n, const char *name, int32_t kind) {
  for (int32_t k = 0; k < n; k++) {
    for (int32_t j = 0; ops[k].kind == kind && j < ops[k].n; j++) {
      if (strcmp(t->rows[ops[k].row[j]].name, name) == 0) return 1;
    }
  }
  return 0;
}

/* Checks and times one row on the graph. */
static int try_row(tune *t, const subject *s, cvk_session *oracle, int32_t row, tune_op *ops, int32_t n) {
  const char *name = t->rows[row].name;
  const bench_limits limits = {.repeat = REPEAT};
  char why[WHY_BYTES] = "";
  cvk_session_options options = options_of(t);
  bench_run r = {0};
  loaded l;
  if (t->rows[row].verdict == TUNE_UNKNOWN) judge(t, row, tune_check_cases(t->check, t->rows[row].kind, name, t->end_ns, why, sizeof why), why);
  if (t->rows[row].verdict != TUNE_RIGHT) return CLI_OK;
  int code = load(t, s, name, &l);
  if (code == CLI_OK) judge(t, row, tune_check_here(oracle, l.graph, t->device, l.in, name, why, sizeof why), why);
  options.profile = 1;
  if (code == CLI_OK && t->rows[row].verdict == TUNE_RIGHT && bench_run_graph(l.graph, &options, l.in, &limits, &r) != CVK_OK) code = cli_library(name);
  if (code == CLI_OK) take_times(t, &r, name, ops, n);
  bench_run_free(&r);
  unload(&l);
  return code;
}

/* ---- results ---- */

static int add_result(tune *t, cvk_session *s, const tune_op *op, const cvk_row_time *times, int32_t best) {
  cvk_op_report r = {.struct_size = sizeof r};
  int64_t estimated_ns = 0;
  if (cvk_session_op_report(s, op->step, &r) != CVK_OK) return cli_library("tune");
  for (int32_t j = 0; j < op->n; j++) {
    if (strcmp(times[j].row, op->estimated) == 0) estimated_ns = times[j].ns;
  }
  const int other = best >= 0 && strcmp(times[best].row, op->estimated) != 0;
  t->kept++;
  t->changed += other;
  if (t->ops == NULL) {
    printf("%-18s %-28.28s %-22s", cvk_op_name(op->kind), r.name, best >= 0 ? times[best].row : "none is right");
    if (best >= 0) printf(" %10.1f us of %d rows", 1e-3 * (double)times[best].ns, op->n);
    if (other) printf(", by estimate %s", op->estimated);
    if (other && estimated_ns > 0) printf(" %.1f us", 1e-3 * (double)estimated_ns);
    printf("\n");
    return CLI_OK;
  }
  cJSON *o = cJSON_CreateObject(), *rows = cJSON_CreateArray();
  cJSON_AddStringToObject(o, "op", cvk_op_name(op->kind));
  cJSON_AddStringToObject(o, "name", r.name);
  if (best >= 0) cJSON_AddStringToObject(o, "row", times[best].row);
  cJSON_AddStringToObject(o, "estimated", op->estimated);
  for (int32_t j = 0; j < op->n; j++) {
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "row", times[j].row);
    if (times[j].ns >= 0) cJSON_AddNumberToObject(row, "us", 1e-3 * (double)times[j].ns);
    else cJSON_AddBoolToObject(row, "wrong", 1);
    cJSON_AddItemToArray(rows, row);
  }
  cJSON_AddItemToObject(o, "rows", rows);
  cJSON_AddItemToArray(t->ops, o);
  return CLI_OK;
}

/* Has the library keep the op's times, if all its rows were tried and there was a choice to make. */
static int keep(tune *t, cvk_session *s, const tune_op *op) {
  cvk_row_time times[OP_ROWS_MAX];
  int32_t best = -1, wrong = 0;
  for (int32_t j = 0; j < op->n; j++) {
    const tune_row *row = &t->rows[op->row[j]];
    times[j] = (cvk_row_time){row->name, row->verdict == TUNE_WRONG ? -1 : op->ns[j]};
    wrong += times[j].ns < 0;
    if (times[j].ns == 0) {
      t->unfinished++;
      return CLI_OK;
    }
    if (times[j].ns > 0 && (best < 0 || times[j].ns < times[best].ns)) best = j;
  }
  if (op->n == 0 || (op->n == 1 && wrong == 0)) return CLI_OK;
  if (cvk_session_tune(s, op->step, op->n, times) != CVK_OK) return cli_library("tune");
  return add_result(t, s, op, times, best);
}

/* ---- a graph ---- */

/* The device by its id, and another one to check it by. */
static int name_devices(tune *t, cvk_context *ctx) {
  cvk_device_info info = {.struct_size = sizeof info};
  cvk_device *dev = NULL;
  if (t->device[0]) return CLI_OK;
  if (cvk_device_open(ctx, t->common.device, &dev) != CVK_OK) return cli_fail(CLI_FAILED, "%s", cvk_error_message());
  const cvk_status status = cvk_device_describe(dev, &info);
  cvk_device_release(dev);
  if (status != CVK_OK) return cli_library("tune");
  if (info.type == CVK_DEVICE_REFERENCE) return cli_fail(CLI_USAGE, "the reference has one row for each op: there is nothing to tune");
  snprintf(t->device, sizeof t->device, "%s", info.id);
  t->oracle_device = strcmp(info.id, "cpu") == 0 || cvk_device_open(ctx, "cpu", &dev) != CVK_OK ? "reference" : "cpu";
  if (strcmp(t->oracle_device, "cpu") == 0) cvk_device_release(dev);
  t->check = tune_check_begin(&t->common, t->device);
  return t->check ? CLI_OK : CLI_FAILED;
}

static int run_once(cvk_session *s, loaded *l) {
  const int32_t n_out = cvk_graph_output_count(l->graph);
  cvk_tensor **out = calloc((size_t)n_out + 1, sizeof *out);
  const cvk_status status = out ? cvk_session_run(s, l->n_in, l->in, n_out, out) : CVK_NO_MEMORY;
  for (int32_t i = 0; out && i < n_out; i++) cvk_tensor_release(out[i]);
  free(out);
  return status == CVK_OK ? CLI_OK : cli_library("tune");
}

static int tune_graph(tune *t, const subject *s) {
  cvk_session *listing = NULL, *oracle = NULL;
  tune_op *ops = NULL;
  int32_t n = 0;
  loaded l;
  int code = load(t, s, NULL, &l);
  if (code == CLI_OK) code = name_devices(t, l.ctx);
  const cvk_session_options options = options_of(t);
  if (code == CLI_OK && cvk_session_create(l.graph, &options, &listing) != CVK_OK) code = cli_library("tune");
  if (code == CLI_OK) code = run_once(listing, &l);
  const int32_t most = code == CLI_OK ? cvk_graph_op_count(l.graph) : 0;
  if (code == CLI_OK) ops = calloc((size_t)most + 1, sizeof *ops);
  if (ops) n = list_ops(t, listing, s->layer ? s->layer->name : NULL, ops, most);
  if (code == CLI_OK && tune_values(l.graph, t->oracle_device, l.in, &oracle) != CVK_OK) code = cli_library(t->oracle_device);
  for (int32_t r = 0; code == CLI_OK && r < t->n_rows; r++) {
    if (timing_now_ns() < t->end_ns && offered(t, ops, n, t->rows[r].name, t->rows[r].kind)) code = try_row(t, s, oracle, r, ops, n);
  }
  for (int32_t i = 0; code == CLI_OK && i < n; i++) code = keep(t, listing, &ops[i]);
  free(ops);
  cvk_session_release(oracle);
  cvk_session_release(listing);
  unload(&l);
  return code;
}

static int tune_all_layers(tune *t) {
  const cli_list no_shapes = {0};
  char why[256];
  int code = CLI_OK;
  for (int i = 0; code == CLI_OK && tune_layers[i]; i++) {
    bench_layer layer;
    const subject s = {.layer = &layer, .shapes = &no_shapes};
    if (timing_now_ns() >= t->end_ns) t->unfinished++;
    else code = bench_layer_parse(tune_layers[i], &layer, why, sizeof why) ? tune_graph(t, &s) : cli_fail(CLI_FAILED, "%s: %s", tune_layers[i], why);
  }
  return code;
}

static void print_end(const tune *t, double seconds) {
  if (t->ops == NULL) {
    printf("tuned %d ops on %s in %.1f s: %d take another row than by estimate, %d wrong rows, %d ops not finished\n", t->kept, t->device, seconds,
           t->changed, t->wrong, t->unfinished);
    return;
  }
  cJSON *root = cJSON_CreateObject();
  cJSON_AddStringToObject(root, "device", t->device);
  cJSON_AddNumberToObject(root, "seconds", seconds);
  cJSON_AddNumberToObject(root, "tuned", t->kept);
  cJSON_AddNumberToObject(root, "changed", t->changed);
  cJSON_AddNumberToObject(root, "wrong_rows", t->wrong);
  cJSON_AddNumberToObject(root, "unfinished", t->unfinished);
  cJSON_AddItemToObject(root, "ops", t->ops);
  cli_print_json(root);
}

int cmd_tune(int argc, char **argv) {
  tune *t = calloc(1, sizeof *t);
  cli_list shapes = {0};
  const char *model = NULL;
  double budget = 120;
  int n;
  if (t == NULL) return cli_fail(CLI_FAILED, "no memory");
  const cli_flag flags[] = {
      {"--budget", FLAG_NUMBER, &budget, NULL, "seconds after which no further row is tried (120)"},
      {"--shape", FLAG_LIST, &shapes, NULL, "NAME=1x3x224x224, where the model leaves extents open"},
      CLI_COMMON_FLAGS(t->common),
  };
  int code = cli_parse("tune", argc, argv, flags, sizeof flags / sizeof *flags, &model, 0, 1, &n);
  if (code < 0) {
    const int64_t start = timing_now_ns();
    const subject s = {.model = model, .shapes = &shapes};
    if (!(budget > 0 && budget <= 1e6)) code = cli_fail(CLI_USAGE, "--budget: %g is not in 0..1000000", budget);
    else if (t->common.kernel) code = cli_fail(CLI_USAGE, "tune tries every row: it takes no --kernel");
    else code = CLI_OK;
    t->end_ns = start + (int64_t)(budget * 1e9);
    if (t->common.json) t->ops = cJSON_CreateArray();
    if (code == CLI_OK) code = model ? tune_graph(t, &s) : tune_all_layers(t);
    if (code == CLI_OK) print_end(t, 1e-9 * (double)(timing_now_ns() - start));
    else cJSON_Delete(t->ops);
  }
  tune_check_end(t->check);
  free(t);
  return code;
}
