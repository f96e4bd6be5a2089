/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_selftest.c: convoke selftest: every op on every device against the plain-C reference. A case runs with all tensors given at run time and
 * with weights constant, first as the device would, then once for each other kernel row that the device offered for it. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "sample_run.h"
#include "tally.h"

enum { MAX_OPS = 256, MAX_ROWS = 128, CASE_ROWS = 48 };

typedef struct check_case {
  op_sample sample;
  sample_expected expected;
  int failed; /* by whichever row */
  int32_t n_offered[SAMPLE_WAYS];
  int16_t offered[SAMPLE_WAYS][CASE_ROWS]; /* rows offered and not taken: indices into the device's list */
} check_case;

typedef struct op_line { /* of the table */
  int32_t kind, cases, passed, failed, skipped;
  double worst;
  uint8_t used[MAX_ROWS]; /* rows */
} op_line;

typedef struct selftest {
  cli_common common;
  const char *op; /* only cases with it, or NULL */
  int verbose, first_rows;
  int32_t n_cases;
  check_case *cases;
  /* of the device in hand */
  char device[64];
  int32_t n_ops, n_rows;
  op_line ops[MAX_OPS];
  char rows[MAX_ROWS][64];
  tally count;
  int32_t n_devices;
  cJSON *devices, *failures; /* with --json */
} selftest;

/* ---- rows and lines ---- */

static int32_t row_index(selftest *t, const char *name) {
  for (int32_t i = 0; i < t->n_rows; i++) {
    if (strcmp(t->rows[i], name) == 0) return i;
  }
  if (t->n_rows == MAX_ROWS) return MAX_ROWS - 1;
  snprintf(t->rows[t->n_rows], sizeof t->rows[0], "%s", name);
  return t->n_rows++;
}

static op_line *line_of(selftest *t, int32_t kind) {
  for (int32_t i = 0; i < t->n_ops; i++) {
    if (t->ops[i].kind == kind) return &t->ops[i];
  }
  if (t->n_ops == MAX_OPS) return &t->ops[MAX_OPS - 1];
  t->ops[t->n_ops].kind = kind;
  return &t->ops[t->n_ops++];
}

/* The op that a case is about: the first; of a case on what a convolution leaves behind (no second convolution, no activation), the last. */
static int32_t subject(const op_sample *s) { return s->step[s->n_steps > 1 && s->step[s->n_steps - 1].kind >= CVK_OP_RESHAPE ? s->n_steps - 1 : 0].kind; }

static void note_offered(selftest *t, check_case *c, int way, cvk_session *session, int32_t op, const char *taken) {
  const char *row;
  for (int32_t k = 0; (row = cvk_session_op_row(session, op, k)) != NULL; k++) {
    const int32_t index = row_index(t, row);
    int known = strcmp(row, taken) == 0 || c->n_offered[way] == CASE_ROWS;
    for (int32_t i = 0; i < c->n_offered[way]; i++) known |= c->offered[way][i] == index;
    if (!known) c->offered[way][c->n_offered[way]++] = (int16_t)index;
  }
}

/* Notes the rows that ran, and those that might have; the scale of the bound that the rows promise. */
static double note_rows(selftest *t, check_case *c, int way, cvk_session *session, int note) {
  cvk_session_report report = {.struct_size = sizeof report};
  double scale = 1;
  if (cvk_session_report_get(session, &report) != CVK_OK) return scale;
  for (int32_t i = 0; i < report.n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(session, i, &op) != CVK_OK) continue;
    if (op.error_class == CVK_ERROR_WINOGRAD) scale = SAMPLE_WINOGRAD_SCALE;
    line_of(t, op.kind)->used[row_index(t, op.kernel)] = strcmp(op.kernel, "copy") != 0;
    if (note) note_offered(t, c, way, session, i, op.kernel);
  }
  return scale;
}

/* ---- one run ---- */

static void print_failure(selftest *t, const check_case *c, int way, const char *row, const char *why) {
  const char *op = cvk_op_name(subject(&c->sample)), *weights = way == SAMPLE_CONSTANTS ? " (constant weights)" : "";
  if (t->failures == NULL) {
    printf("FAIL %s %s: %s%s%s%s: %s\n", t->device, op, c->sample.text, weights, row ? " row " : "", row ? row : "", why);
    return;
  }
  cJSON *o = cJSON_CreateObject();
  cJSON_AddStringToObject(o, "device", t->device);
  cJSON_AddStringToObject(o, "op", op);
  cJSON_AddStringToObject(o, "case", c->sample.text);
  cJSON_AddBoolToObject(o, "constant_weights", way == SAMPLE_CONSTANTS);
  if (row) cJSON_AddStringToObject(o, "row", row);
  cJSON_AddStringToObject(o, "reason", why);
  cJSON_AddItemToArray(t->failures, o);
}

enum { PASSED, FAILED, LACKING };

static int run_once(selftest *t, cvk_context *ctx, check_case *c, int way, const char *row) {
  const cvk_session_options options = {.device = t->device, .fallback = CVK_FALLBACK_NONE, .flags = t->common.exact ? CVK_EXACT : 0, .untuned = 1};
  cvk_tensor *out[SAMPLE_OUTPUTS] = {NULL};
  cvk_session *session = NULL;
  op_line *line = line_of(t, subject(&c->sample));
  char why[512];
  int result = PASSED;
  const cvk_status status = sample_run(ctx, &options, &c->sample, way, out, &session);
  if (status == CVK_UNSUPPORTED && row == NULL) {
    result = LACKING;
  } else if (status != CVK_OK) {
    snprintf(why, sizeof why, "%s: %.400s", cvk_status_name(status), cvk_error_message());
    result = FAILED;
  } else {
    const double scale = note_rows(t, c, way, session, row == NULL);
    double worst = 0;
    if (!sample_compare(&c->expected, out, scale, &worst, why, sizeof why)) result = FAILED;
    if (worst / scale > line->worst) line->worst = worst / scale;
  }
  for (int32_t o = 0; o < SAMPLE_OUTPUTS; o++) cvk_tensor_release(out[o]);
  cvk_session_release(session);
  if (result == FAILED) print_failure(t, c, way, row, why);
  return result;
}

static void run_case(selftest *t, cvk_context *ctx, check_case *c) {
  op_line *line = line_of(t, subject(&c->sample));
  int passed = 0, failed = 0;
  memset(c->n_offered, 0, sizeof c->n_offered);
  for (int way = 0; way < SAMPLE_WAYS && !failed; way++) {
    if (way == SAMPLE_CONSTANTS && !sample_has_constants(&c->sample)) break;
    const int result = run_once(t, ctx, c, way, NULL);
    passed |= result == PASSED;
    failed = result == FAILED;
  }
  const int result = failed ? FAILED : passed ? PASSED : LACKING; /* a device may want its weights constant, or not */
  c->failed = failed;
  line->cases++;
  line->passed += result == PASSED;
  line->failed += result == FAILED;
  line->skipped += result == LACKING;
  if (t->verbose && t->failures == NULL && result != FAILED) {
    printf("%s %s%s\n", result == PASSED ? "PASS" : "SKIP", c->sample.text, result == LACKING ? " not on this device" : "");
  }
}

/* ---- a device ---- */

static int open_context(const selftest *t, const char *row, cvk_context **ctx) {
  cli_common common = t->common;
  if (row) common.kernel = row;
  return cli_context(&common, ctx);
}

/* Every case that row `index` was offered for and did not run, with the row forced. */
static int run_row(selftest *t, int32_t index) {
  cvk_context *ctx = NULL;
  int code = CLI_OK;
  for (int32_t i = 0; i < t->n_cases && code == CLI_OK; i++) {
    check_case *c = &t->cases[i];
    for (int way = 0; way < SAMPLE_WAYS; way++) {
      int offered = 0;
      for (int32_t k = 0; k < c->n_offered[way]; k++) offered |= c->offered[way][k] == index;
      if (!offered) continue;
      if (ctx == NULL) code = open_context(t, t->rows[index], &ctx);
      if (code != CLI_OK || run_once(t, ctx, c, way, t->rows[index]) != FAILED) continue;
      if (!c->failed) {
        line_of(t, subject(&c->sample))->failed++;
        line_of(t, subject(&c->sample))->passed--;
      }
      c->failed = 1;
      break;
    }
  }
  cvk_context_release(ctx);
  return code;
}

static void print_line(const selftest *t, const op_line *line) {
  printf("%-18s %5d %6d %6d %7d %9.3g ", cvk_op_name(line->kind), line->cases, line->passed, line->failed, line->skipped, line->worst);
  for (int32_t i = 0; i < t->n_rows; i++) {
    if (line->used[i]) printf(" %s", t->rows[i]);
  }
  printf("\n");
}

static void add_line(const selftest *t, const op_line *line, cJSON *ops) {
  cJSON *o = cJSON_CreateObject(), *rows = cJSON_CreateArray();
  cJSON_AddStringToObject(o, "op", cvk_op_name(line->kind));
  cJSON_AddNumberToObject(o, "cases", line->cases);
  cJSON_AddNumberToObject(o, "passed", line->passed);
  cJSON_AddNumberToObject(o, "failed", line->failed);
  cJSON_AddNumberToObject(o, "skipped", line->skipped);
  cJSON_AddNumberToObject(o, "worst", line->worst > 1e300 ? 1e300 : line->worst);
  for (int32_t i = 0; i < t->n_rows; i++) {
    if (line->used[i]) cJSON_AddItemToArray(rows, cJSON_CreateString(t->rows[i]));
  }
  cJSON_AddItemToObject(o, "rows", rows);
  cJSON_AddItemToArray(ops, o);
}

static void print_device(selftest *t) {
  cJSON *ops = t->devices ? cJSON_CreateArray() : NULL;
  if (ops == NULL) printf("%s%-18s %5s %6s %6s %7s %9s  %s\n", t->n_devices ? "\n" : "", t->device, "cases", "passed", "failed", "skipped", "worst", "rows");
  for (int32_t i = 0; i < t->n_ops; i++) {
    const op_line *line = &t->ops[i];
    if (ops) add_line(t, line, ops);
    else print_line(t, line);
    t->count.passed += line->passed;
    t->count.failed += line->failed;
    t->count.skipped += line->skipped;
  }
  if (ops == NULL) return;
  cJSON *o = cJSON_CreateObject();
  cJSON_AddStringToObject(o, "device", t->device);
  cJSON_AddItemToObject(o, "ops", ops);
  cJSON_AddItemToArray(t->devices, o);
}

static void print_json(selftest *t) {
  cJSON *root = cJSON_CreateObject();
  cJSON_AddItemToObject(root, "devices", t->devices);
  cJSON_AddItemToObject(root, "failures", t->failures);
  cJSON_AddNumberToObject(root, "passed", t->count.passed);
  cJSON_AddNumberToObject(root, "failed", t->count.failed);
  cJSON_AddNumberToObject(root, "skipped", t->count.skipped);
  t->devices = t->failures = NULL;
  cli_print_json(root);
}

static int run_device(selftest *t, const char *id) {
  cvk_context *ctx = NULL;
  t->n_ops = t->n_rows = 0;
  memset(t->ops, 0, sizeof t->ops);
  snprintf(t->device, sizeof t->device, "%s", id);
  int code = open_context(t, NULL, &ctx);
  for (int32_t i = 0; i < t->n_cases && code == CLI_OK; i++) run_case(t, ctx, &t->cases[i]);
  cvk_context_release(ctx);
  for (int32_t r = 0; r < t->n_rows && code == CLI_OK && !t->first_rows && t->common.kernel == NULL; r++) code = run_row(t, r);
  if (code == CLI_OK) print_device(t);
  t->n_devices++;
  return code;
}

/* ---- the program ---- */

static int has_op(const op_sample *s, const char *name) {
  for (int32_t k = 0; name && k < s->n_steps; k++) {
    if (strcmp(cvk_op_name(s->step[k].kind), name) == 0) return 1;
  }
  return name == NULL;
}

/* Reads the cases and computes what they must give. */
static int load_cases(selftest *t, cvk_context *ctx) {
  char why[512];
  int32_t n = 0;
  while (op_samples_at(n)) n++;
  t->cases = calloc((size_t)n, sizeof *t->cases);
  if (t->cases == NULL) return cli_fail(CLI_FAILED, "no memory for %d cases", n);
  for (int32_t i = 0; i < n; i++) {
    check_case *c = &t->cases[t->n_cases];
    if (!op_sample_parse(op_samples_at(i), &c->sample, why, sizeof why)) return cli_fail(CLI_FAILED, "%s", why);
    if (!has_op(&c->sample, t->op)) continue;
    if (sample_expect(ctx, &c->sample, &c->expected) != CVK_OK) return cli_fail(CLI_FAILED, "case '%s': %s", c->sample.text, cvk_error_message());
    t->n_cases++;
  }
  return t->n_cases ? CLI_OK : cli_fail(CLI_USAGE, "--op: there is no op '%s'; convoke selftest's table lists them", t->op);
}

/* The id of device `index`; 0: past the end. */
static int device_id(cvk_context *ctx, int32_t index, char id[64]) {
  cvk_device_info info = {.struct_size = sizeof info};
  int32_t n = 0;
  if (cvk_device_count(ctx, &n) != CVK_OK || index >= n || cvk_device_info_get(ctx, index, &info) != CVK_OK) return 0;
  snprintf(id, 64, "%s", info.id);
  return 1;
}

static int run_devices(selftest *t, cvk_context *ctx) {
  cvk_device_info info = {.struct_size = sizeof info};
  cvk_device *dev = NULL;
  char id[64];
  int code = CLI_OK;
  if (t->common.device) {
    if (cvk_device_open(ctx, t->common.device, &dev) != CVK_OK) return cli_fail(CLI_FAILED, "%s", cvk_error_message());
    code = cvk_device_describe(dev, &info) == CVK_OK ? run_device(t, info.id) : cli_library("selftest");
    cvk_device_release(dev);
    return code;
  }
  for (int32_t i = 0; code == CLI_OK && device_id(ctx, i, id); i++) {
    if (strcmp(id, "reference") != 0) code = run_device(t, id);
  }
  return code == CLI_OK && t->n_devices == 0 ? cli_fail(CLI_FAILED, "there is no device besides the reference to test") : code;
}

int cmd_selftest(int argc, char **argv) {
  selftest *t = calloc(1, sizeof *t);
  cvk_context *ctx = NULL;
  int n;
  if (t == NULL) return cli_fail(CLI_FAILED, "no memory");
  const cli_flag flags[] = {
      {"--op", FLAG_TEXT, &t->op, NULL, "only the cases with this op: conv"},
      {"--verbose", FLAG_SWITCH, &t->verbose, NULL, "a line a case"},
      {"--first-rows", FLAG_SWITCH, &t->first_rows, NULL, "only the kernel rows that a session would choose"},
      CLI_COMMON_FLAGS(t->common),
  };
  int code = cli_parse("selftest", argc, argv, flags, sizeof flags / sizeof *flags, NULL, 0, 0, &n);
  if (code < 0) {
    code = cli_context(&t->common, &ctx);
    if (code == CLI_OK) code = load_cases(t, ctx);
    if (code == CLI_OK && t->common.json) {
      t->devices = cJSON_CreateArray();
      t->failures = cJSON_CreateArray();
    }
    if (code == CLI_OK) code = run_devices(t, ctx);
    if (code == CLI_OK && t->common.json) print_json(t);
    else if (code == CLI_OK) tally_end(&t->count);
    if (code == CLI_OK && t->count.failed) code = CLI_FAILED;
  }
  cJSON_Delete(t->devices);
  cJSON_Delete(t->failures);
  for (int32_t i = 0; i < t->n_cases; i++) sample_expected_free(&t->cases[i].expected);
  free(t->cases);
  free(t);
  cvk_context_release(ctx);
  return code;
}
