/* SPDX-License-Identifier: Apache-2.0 */
/* train.c: trains a small network on pictures that it draws itself - bars that lie, stand or lean - tests it on others, and writes it as ONNX.
 * usage: example_train OUTPUT.onnx [DEVICE]     DEVICE as in `convoke devices`; default: auto, or what CONVOKE_DEVICE says */
#include <convoke/convoke.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 12, CELLS = SIDE * SIDE, CLASSES = 3, FILTERS = 8 };

/* An example ends at the first failure; an application would hand the status on. */
static void check(cvk_status status, const char *what) {
  if (status == CVK_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, cvk_status_name(status), cvk_error_message());
  exit(1);
}

/* ---- the data: picture i is of class i % 3 ---- */

static unsigned noise(unsigned *state) { return (*state = *state * 1664525u + 1013904223u) >> 16; }

static void draw(unsigned char *picture, int class, unsigned *state) {
  const int at = 2 + (int)(noise(state) % (SIDE - 4));
  for (int i = 0; i < CELLS; i++) {
    const int y = i / SIDE, x = i % SIDE, along = class == 0 ? y - at : class == 1 ? x - at : y - x;
    picture[i] = (unsigned char)(noise(state) % 130 + (along * along < 2 ? 120 : 0));
  }
}

static cvk_dataset *pictures(cvk_context *ctx, int64_t n, unsigned seed) {
  unsigned char *pixels = malloc((size_t)n * CELLS), *labels = malloc((size_t)n);
  cvk_tensor *x = NULL, *target = NULL;
  cvk_dataset *ds = NULL;
  if (pixels == NULL || labels == NULL) exit(1);
  for (int64_t i = 0; i < n; i++) {
    labels[i] = (unsigned char)(i % CLASSES);
    draw(pixels + i * CELLS, labels[i], &seed);
  }
  check(cvk_tensor_create(NULL, CVK_U8, 4, (const int64_t[]){n, 1, SIDE, SIDE}, pixels, &x), "pictures");
  check(cvk_tensor_create(NULL, CVK_U8, 1, &n, labels, &target), "labels");
  check(cvk_dataset_create(ctx, x, target, &(cvk_dataset_options){.translate = 0.1f}, &ds), "dataset"); /* pixels become 0..1 */
  cvk_tensor_release(x); /* the dataset holds its own references */
  cvk_tensor_release(target);
  free(pixels);
  free(labels);
  return ds;
}

/* ---- the model: constants are what is trained ---- */

static cvk_value weight(cvk_graph *g, const char *name, int32_t rank, const int64_t *dim, int64_t fan_in, int64_t stream) {
  cvk_tensor *t = NULL;
  cvk_value v;
  check(cvk_tensor_create(NULL, CVK_F32, rank, dim, NULL, &t), name);
  check(cvk_tensor_initialize(t, CVK_INIT_LECUN_UNIFORM, fan_in, 1, stream), name);
  check(cvk_graph_constant(g, name, t, &v), name);
  cvk_tensor_release(t);
  return v;
}

static cvk_value op(cvk_graph *g, int32_t kind, const void *attr, int32_t n, const cvk_value *in) {
  cvk_value v;
  check(cvk_graph_op(g, kind, attr, n, in, 1, &v, NULL), "op");
  return v;
}

static cvk_graph *network(cvk_context *ctx) {
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER};
  const cvk_pool_attr pool = {.kernel = {4, 4}, .stride = {4, 4}};
  const cvk_gemm_attr dense = {.trans_b = 1, .alpha = 1, .beta = 1};
  const int64_t filter[] = {FILTERS, 1, 5, 5}, rows[] = {CLASSES, FILTERS * (SIDE / 4) * (SIDE / 4)};
  cvk_graph *g = NULL;
  cvk_value v;
  check(cvk_graph_create(ctx, &g), "graph");
  check(cvk_graph_input(g, "x", CVK_F32, 4, (const int64_t[]){-1, 1, SIDE, SIDE}, &v), "input");
  v = op(g, CVK_OP_CONV, &conv, 3, (cvk_value[]){v, weight(g, "conv.weight", 4, filter, 25, 0), weight(g, "conv.bias", 1, filter, 25, 1)});
  v = op(g, CVK_OP_RELU, NULL, 1, &v);
  v = op(g, CVK_OP_MAX_POOL, &pool, 1, &v);
  v = op(g, CVK_OP_FLATTEN, NULL, 1, &v);
  v = op(g, CVK_OP_GEMM, &dense, 3, (cvk_value[]){v, weight(g, "dense.weight", 2, rows, rows[1], 2), weight(g, "dense.bias", 1, rows, rows[1], 3)});
  check(cvk_graph_output(g, v, "scores"), "output"); /* no softmax: the loss has one */
  return g;
}

static int32_t print_epoch(void *arg, const cvk_epoch_result *e) {
  (void)arg;
  printf("epoch %lld: loss %.4f, test accuracy %.3f\n", (long long)e->epoch, e->loss, e->validation_accuracy);
  return 0; /* anything else ends the training */
}

int main(int argc, char **argv) {
  cvk_context *ctx = NULL;
  cvk_trainer *trainer = NULL;
  cvk_graph *trained = NULL;
  cvk_evaluation result = {.struct_size = sizeof result};
  if (argc < 2) {
    fprintf(stderr, "usage: %s OUTPUT.onnx [DEVICE]\n", argv[0]);
    return 2;
  }
  check(cvk_context_create(NULL, &ctx), "context");
  cvk_dataset *train = pictures(ctx, 300, 1), *test = pictures(ctx, 90, 2);
  cvk_graph *model = network(ctx);
  const cvk_trainer_options how = {
      .device = argc > 2 ? argv[2] : NULL, .optimizer = CVK_ADAM, .learning_rate = 0.01f, .schedule = CVK_SCHEDULE_COSINE, .seed = 1};
  check(cvk_trainer_create(model, &how, &trainer), "trainer");
  check(cvk_fit(trainer, train, &(cvk_fit_options){.epochs = 8, .batch = 20, .validation = test, .on_epoch = print_epoch}), "fit");
  check(cvk_trainer_evaluate(trainer, test, 30, &result), "evaluate");
  printf("%lld of %lld right\n", (long long)result.correct, (long long)result.count);
  check(cvk_trainer_graph(trainer, &trained), "trained graph"); /* for sessions too */
  check(cvk_graph_save_onnx(trained, argv[1], NULL), argv[1]);

  cvk_graph_release(trained);
  cvk_graph_release(model);
  cvk_trainer_release(trainer);
  cvk_dataset_release(train);
  cvk_dataset_release(test);
  cvk_context_release(ctx);
  return 0;
}
