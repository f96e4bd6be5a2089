/* SPDX-License-Identifier: Apache-2.0 */
/* first_result.c: the least program that runs a model once: bench/peers/startup.py times it from start to end, beside other libraries.
 * usage: first_result MODEL.onnx [THREADS]. Prints the sum of the first output. */
#include <convoke/convoke.h>
#include <stdio.h>
#include <stdlib.h>

static int run(cvk_context *ctx, const char *model) {
  cvk_graph *graph = NULL;
  cvk_session *session = NULL;
  cvk_tensor *in = NULL, *out = NULL;
  cvk_value_info info = {.struct_size = sizeof info};
  float *y = NULL;
  int ok = cvk_graph_load_onnx(ctx, model, &graph) == CVK_OK && cvk_graph_input_info(graph, 0, &info) == CVK_OK &&
           cvk_tensor_create(NULL, CVK_F32, info.rank, info.dim, NULL, &in) == CVK_OK &&
           cvk_session_create(graph, &(cvk_session_options){.device = "cpu"}, &session) == CVK_OK &&
           cvk_session_run(session, 1, &in, 1, &out) == CVK_OK;
  if (ok) ok = (y = malloc((size_t)cvk_tensor_bytes(out))) != NULL && cvk_tensor_read(out, y, cvk_tensor_bytes(out)) == CVK_OK;
  if (ok) {
    double sum = 0;
    for (int64_t i = 0; i < cvk_tensor_count(out); i++) sum += (double)y[i];
    printf("%g\n", sum);
  } else {
    fprintf(stderr, "first_result: %s\n", cvk_error_message());
  }
  free(y);
  cvk_tensor_release(out);
  cvk_tensor_release(in);
  cvk_session_release(session);
  cvk_graph_release(graph);
  return ok;
}

int main(int argc, char **argv) {
  cvk_context *ctx = NULL;
  if (argc < 2) {
    fprintf(stderr, "usage: first_result MODEL.onnx [THREADS]\n");
    return 2;
  }
  if (cvk_context_create(&(cvk_context_options){.num_threads = argc > 2 ? atoi(argv[2]) : 0}, &ctx) != CVK_OK) return 1;
  const int ok = run(ctx, argv[1]);
  cvk_context_release(ctx);
  return ok ? 0 : 1;
}
