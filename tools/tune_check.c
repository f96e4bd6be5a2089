/* SPDX-License-Identifier: Apache-2.0 */
/* tune_check.c: see tune_check.h. */
#include "tune_check.h"

#include <stdlib.h>
#include <string.h>

#include "difference.h"
#include "sample_run.h"
#include "timing.h"

#define TOLERANCE 1e-3 /* largest difference over largest value: a wrong kernel is off by far more, a whole network's roundings by less */

struct tune_check {
  const cli_common *common;
  const char *device;
  cvk_context *ctx; /* for the reference */
  int32_t n;
  op_sample *sample;
  sample_expected *expected; /* n_out 0: not computed yet */
};

tune_check *tune_check_begin(const cli_common *common, const char *device) {
  char why[512];
  tune_check *c = calloc(1, sizeof *c);
  if (c) *c = (tune_check){.common = common, .device = device};
  while (c && op_samples_at(c->n)) c->n++;
  if (c) c->sample = calloc((size_t)c->n, sizeof *c->sample);
  if (c) c->expected = calloc((size_t)c->n, sizeof *c->expected);
  int code = c && c->sample && c->expected ? cli_context(common, &c->ctx) : cli_fail(CLI_FAILED, "no memory for the cases");
  for (int32_t i = 0; code == CLI_OK && i < c->n; i++) {
    if (!op_sample_parse(op_samples_at(i), &c->sample[i], why, sizeof why)) code = cli_fail(CLI_FAILED, "%s", why);
  }
  if (code == CLI_OK) return c;
  tune_check_end(c);
  return NULL;
}

void tune_check_end(tune_check *c) {
  if (c == NULL) return;
  for (int32_t i = 0; c->expected && i < c->n; i++) sample_expected_free(&c->expected[i]);
  cvk_context_release(c->ctx);
  free(c->expected);
  free(c->sample);
  free(c);
}

/* Whether the session's last run used the row; *scale: the multiple of the bound that its ops promise. */
static int used_row(cvk_session *s, const char *row, double *scale) {
  cvk_op_report op = {.struct_size = sizeof op};
  int used = 0;
  *scale = 1;
  for (int32_t i = 0; cvk_session_op_report(s, i, &op) == CVK_OK; i++) {
    if (op.error_class == CVK_ERROR_WINOGRAD) *scale = SAMPLE_WINOGRAD_SCALE;
    used |= strcmp(op.kernel, row) == 0;
  }
  return used;
}

/* What a run that failed says of the row that it was for. */
static int verdict_on(cvk_status status) {
  return status == CVK_NO_MEMORY || status == CVK_OUT_OF_DEVICE_MEMORY ? TUNE_UNKNOWN : TUNE_WRONG;
}

static int check_case(tune_check *c, cvk_context *ctx, int32_t i, const char *row, char *why, size_t why_bytes) {
  const cvk_session_options options = {.device = c->device, .fallback = CVK_FALLBACK_NONE, .untuned = 1};
  const op_sample *sample = &c->sample[i];
  cvk_tensor *out[SAMPLE_OUTPUTS] = {NULL};
  cvk_session *session = NULL;
  char reason[512] = "";
  double scale = 1, worst = 0;
  int verdict = TUNE_RIGHT;
  if (c->expected[i].n_out == 0 && sample_expect(c->ctx, sample, &c->expected[i]) != CVK_OK) return TUNE_UNKNOWN;
  const int way = sample_has_constants(sample) ? SAMPLE_CONSTANTS : SAMPLE_ALL_RUN_TIME;
  const cvk_status status = sample_run(ctx, &options, sample, way, out, &session);
  if (status != CVK_OK && status != CVK_UNSUPPORTED) {
    snprintf(reason, sizeof reason, "%.500s", cvk_error_message());
    verdict = verdict_on(status);
  } else if (status == CVK_OK && used_row(session, row, &scale) && !sample_compare(&c->expected[i], out, scale, &worst, reason, sizeof reason)) {
    verdict = TUNE_WRONG;
  }
  if (verdict == TUNE_WRONG) snprintf(why, why_bytes, "%s: %s", sample->text, reason);
  for (int32_t o = 0; o < SAMPLE_OUTPUTS; o++) cvk_tensor_release(out[o]);
  cvk_session_release(session);
  return verdict;
}

int tune_check_cases(tune_check *c, int32_t kind, const char *row, int64_t end_ns, char *why, size_t why_bytes) {
  cli_common common = *c->common;
  cvk_context *ctx = NULL;
  int verdict = TUNE_RIGHT;
  common.kernel = row;
  if (cli_context(&common, &ctx) != CLI_OK) return TUNE_UNKNOWN;
  for (int32_t i = 0; i < c->n && verdict == TUNE_RIGHT; i++) {
    if (c->sample[i].step[0].kind != kind) continue;
    verdict = timing_now_ns() < end_ns ? check_case(c, ctx, i, row, why, why_bytes) : TUNE_UNKNOWN;
  }
  cvk_context_release(ctx);
  return verdict;
}

/* ---- a graph's own shapes ---- */

cvk_status tune_values(cvk_graph *g, const char *device, cvk_tensor *const *in, cvk_session **out) {
  const cvk_session_options options = {.device = device, .no_fusion = 1, .keep_values = 1, .untuned = 1};
  const int32_t n_out = cvk_graph_output_count(g);
  cvk_tensor **results = calloc((size_t)n_out + 1, sizeof *results);
  cvk_status status = results ? cvk_session_create(g, &options, out) : CVK_NO_MEMORY;
  if (status == CVK_OK) status = cvk_session_run(*out, cvk_graph_input_count(g), in, n_out, results);
  for (int32_t i = 0; results && i < n_out; i++) cvk_tensor_release(results[i]);
  free(results);
  return status;
}

static int same_value(cvk_session *oracle, cvk_session *s, const cvk_op_report *op, char *why, size_t why_bytes) {
  cvk_tensor *want = NULL, *got = NULL;
  difference d;
  int same = 1;
  if (cvk_session_value(oracle, op->node, 0, &want) == CVK_OK && cvk_session_value(s, op->node, 0, &got) == CVK_OK) {
    same = difference_of(got, want, 0, TOLERANCE, &d) && d.most <= TOLERANCE * (d.largest > 0 ? d.largest : 1);
    if (d.at < 0 && d.why[0] == 0) same = 1;
    if (!same) snprintf(why, why_bytes, "'%s': %.9g at element %lld, wanted %.9g", op->name, d.got, (long long)d.at, d.want);
  }
  cvk_tensor_release(want);
  cvk_tensor_release(got);
  return same;
}

int tune_check_here(cvk_session *oracle, cvk_graph *g, const char *device, cvk_tensor *const *in, const char *row, char *why, size_t why_bytes) {
  cvk_op_report op = {.struct_size = sizeof op};
  cvk_session *s = NULL;
  const cvk_status status = tune_values(g, device, in, &s);
  int verdict = status == CVK_OK ? TUNE_RIGHT : verdict_on(status);
  if (status != CVK_OK) snprintf(why, why_bytes, "%s", cvk_error_message());
  for (int32_t i = 0; verdict == TUNE_RIGHT && cvk_session_op_report(s, i, &op) == CVK_OK; i++) {
    if (op.node < 0 || same_value(oracle, s, &op, why, why_bytes)) continue;
    if (strcmp(op.kernel, row) != 0) break; /* another row's fault: what follows says nothing about this one */
    verdict = TUNE_WRONG;
  }
  cvk_session_release(s);
  return verdict;
}
