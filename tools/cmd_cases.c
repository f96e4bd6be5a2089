/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_cases.c: convoke cases: numeric fixtures, each as a graph of one op (or of its gradients), once with all inputs given at run time and once with all but the
 * first constant (packed weights, prepared parameters): both must give what is expected. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fixture.h"
#include "tally.h"

enum { WEIGHTS_AT_RUN, WEIGHTS_CONSTANT, WAYS };

static int compare(const fixture *f, cvk_tensor **out, char *why, size_t why_bytes) {
  for (int32_t i = 0; i < f->n_out; i++) {
    void *data = malloc(cvk_tensor_bytes(out[i]) + 1);
    if (data == NULL || cvk_tensor_read(out[i], data, cvk_tensor_bytes(out[i])) != CVK_OK) {
      free(data);
      snprintf(why, why_bytes, "can't read output %d", i);
      return 0;
    }
    const int ok = fixture_compare(f, i, cvk_tensor_dtype(out[i]), cvk_tensor_rank(out[i]), cvk_tensor_dims(out[i]), data, why, why_bytes);
    free(data);
    if (!ok) return 0;
  }
  return 1;
}

static int run_case(cvk_context *ctx, const cvk_session_options *options, const fixture *f, int way, char *why, size_t why_bytes) {
  cvk_tensor *in[FIXTURE_INPUTS] = {NULL}, *out[FIXTURE_OUTPUTS] = {NULL};
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  int32_t n_in = 0;
  int ok = 1;
  cvk_status status = fixture_graph(ctx, f, way == WEIGHTS_CONSTANT ? 1 : FIXTURE_INPUTS, &g, in, &n_in);
  if (status == CVK_OK) status = cvk_session_create(g, options, &s);
  if (status == CVK_OK) status = cvk_session_run(s, n_in, in, f->n_out, out);
  if (status != f->status) {
    snprintf(why, why_bytes, "%s: got %s (%s), wanted %s", way ? "constant weights" : "run-time weights", cvk_status_name(status),
             status == CVK_OK ? "" : cvk_error_message(), cvk_status_name(f->status));
    ok = 0;
  } else if (status == CVK_OK) {
    ok = compare(f, out, why, why_bytes);
  }
  for (int i = 0; i < FIXTURE_INPUTS; i++) cvk_tensor_release(in[i]);
  for (int i = 0; i < FIXTURE_OUTPUTS; i++) cvk_tensor_release(out[i]);
  cvk_session_release(s);
  cvk_graph_release(g);
  return ok;
}

int cmd_cases(int argc, char **argv) {
  cli_common common = {0};
  const char *path;
  char error[300];
  int n;
  const cli_flag flags[] = {CLI_COMMON_FLAGS(common)};
  int code = cli_parse("cases", argc, argv, flags, sizeof flags / sizeof *flags, &path, 1, 1, &n);
  cvk_context *ctx = NULL;
  cvk_device *dev = NULL;
  if (code >= 0) return code;
  tally count = tally_begin(common.json);
  fixture_set *set = fixture_load(path, error, sizeof error);
  if (set == NULL) code = cli_fail(CLI_FAILED, "%s", error);
  else code = cli_context(&common, &ctx);
  if (code == CLI_OK && cvk_device_open(ctx, common.device, &dev) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message());
  const cvk_session_options options = cli_session_options(&common);
  for (int32_t i = 0; code == CLI_OK && i < fixture_count(set); i++) {
    const fixture *f = fixture_at(set, i);
    char why[2400] = "", name[128];
    snprintf(name, sizeof name, "%s %s", f->id, f->op);
    int ok = 1;
    for (int way = 0; way < WAYS && ok && !f->skip && !f->shapes_only; way++) ok = run_case(ctx, &options, f, way, why, sizeof why);
    if (f->skip) tally_skip(&count, name, f->skip);
    else if (f->shapes_only) tally_skip(&count, name, "asks for shapes only: too large to run (tests/cases checks its shape rule)");
    else if (ok) tally_pass(&count, name);
    else tally_fail(&count, name, why);
  }
  if (code == CLI_OK) code = tally_end(&count);
  else cJSON_Delete(count.cases);
  fixture_free(set);
  cvk_device_release(dev);
  cvk_context_release(ctx);
  return code;
}
