/* SPDX-License-Identifier: Apache-2.0 */
/* model.c: loads an ONNX model, runs it twice on an input of zeros, and says what it gave and where each op ran.
 * usage: example_model MODEL.onnx [DEVICE]     open extents of the input are taken as 1 */
#include <convoke/convoke.h>
#include <stdio.h>
#include <stdlib.h>

static void check(cvk_status status, const char *what) {
  if (status == CVK_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, cvk_status_name(status), cvk_error_message());
  exit(1);
}

static cvk_tensor *zeros_for(const cvk_graph *g, int32_t index) {
  cvk_value_info info = {.struct_size = sizeof info};
  cvk_tensor *t = NULL;
  check(cvk_graph_input_info(g, index, &info), "input");
  for (int32_t i = 0; i < info.rank; i++)
    if (info.dim[i] < 0) info.dim[i] = 1;
  check(cvk_tensor_create(NULL, info.dtype, info.rank, info.dim, NULL, &t), info.name);
  return t;
}

int main(int argc, char **argv) {
  cvk_context *ctx = NULL;
  cvk_graph *graph = NULL;
  cvk_session *session = NULL;
  cvk_session_report report = {.struct_size = sizeof report};
  cvk_value_info info = {.struct_size = sizeof info};
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL.onnx [DEVICE]\n", argv[0]);
    return 2;
  }
  check(cvk_context_create(NULL, &ctx), "context");
  check(cvk_graph_load_onnx(ctx, argv[1], &graph), "load");
  check(cvk_session_create(graph, &(cvk_session_options){.device = argc > 2 ? argv[2] : NULL}, &session), "session");

  const int32_t n_in = cvk_graph_input_count(graph), n_out = cvk_graph_output_count(graph);
  cvk_tensor **in = calloc((size_t)n_in + 1, sizeof(cvk_tensor *)), **out = calloc((size_t)n_out + 1, sizeof(cvk_tensor *));
  if (in == NULL || out == NULL) return 1;
  for (int32_t i = 0; i < n_in; i++) in[i] = zeros_for(graph, i);
  check(cvk_session_run(session, n_in, in, n_out, out), "first run"); /* plans, packs weights, makes the outputs: they were NULL */
  check(cvk_session_run(session, n_in, in, n_out, out), "second run"); /* writes into the same outputs, allocates nothing */

  check(cvk_session_report_get(session, &report), "report");
  printf("device %s: %d ops, %d of them elsewhere\n", report.device, report.n_ops, report.ops_cpu + report.ops_reference);
  for (int32_t i = 0; i < report.n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    check(cvk_session_op_report(session, i, &op), "op report");
    printf("  %-24s %-10s %s\n", op.op, op.device, op.kernel);
  }
  for (int32_t i = 0; i < n_out; i++) {
    float first = 0;
    check(cvk_graph_output_info(graph, i, &info), "output");
    printf("%s: %lld values", info.name, (long long)cvk_tensor_count(out[i]));
    float *value = malloc(cvk_tensor_bytes(out[i]) + 1);
    if (value != NULL && cvk_tensor_dtype(out[i]) == CVK_F32 && cvk_tensor_count(out[i]) > 0) {
      check(cvk_tensor_read(out[i], value, cvk_tensor_bytes(out[i])), "read");
      first = value[0];
      printf(", the first is %g", (double)first);
    }
    printf("\n");
    free(value);
    cvk_tensor_release(out[i]);
  }
  for (int32_t i = 0; i < n_in; i++) cvk_tensor_release(in[i]);
  free(in);
  free(out);
  cvk_session_release(session);
  cvk_graph_release(graph);
  cvk_context_release(ctx);
  return 0;
}
