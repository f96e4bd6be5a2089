/* SPDX-License-Identifier: Apache-2.0 */
/* eager.c: ops run one by one on a device chosen at run time: finds the edges of a small picture with a convolution, then pools the result.
 * usage: example_eager [DEVICE]     DEVICE as in `convoke devices`; default: auto, or what CONVOKE_DEVICE says */
#include <convoke/convoke.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 8 };

/* An example ends at the first failure; an application would hand the status on. */
static void check(cvk_status status, const char *what) {
  if (status == CVK_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, cvk_status_name(status), cvk_error_message());
  exit(1);
}

static void print(const char *name, const cvk_tensor *t) {
  float value[SIZE * SIZE];
  const int64_t *dim = cvk_tensor_dims(t);
  check(cvk_tensor_read(t, value, cvk_tensor_bytes(t)), "read");
  printf("%s %lld x %lld\n", name, (long long)dim[2], (long long)dim[3]);
  for (int64_t y = 0; y < dim[2]; y++)
    for (int64_t x = 0; x < dim[3]; x++) printf("%4g%s", (double)value[y * dim[3] + x], x + 1 < dim[3] ? "" : "\n");
}

int main(int argc, char **argv) {
  float picture[SIZE * SIZE] = {0};
  const float laplace[9] = {0, -1, 0, -1, 4, -1, 0, -1, 0};
  cvk_context *ctx = NULL;
  cvk_device *dev = NULL;
  cvk_tensor *x = NULL, *w = NULL, *edges = NULL, *pooled = NULL;
  cvk_device_info info = {.struct_size = sizeof info};
  const cvk_conv_attr conv = {.auto_pad = CVK_SAME_UPPER, .activation = CVK_OP_RELU};
  const cvk_pool_attr pool = {.kernel = {2, 2}, .stride = {2, 2}};

  for (int y = 2; y < 6; y++)
    for (int k = 2; k < 6; k++) picture[y * SIZE + k] = 1; /* a bright square */
  check(cvk_context_create(NULL, &ctx), "context");
  check(cvk_device_open(ctx, argc > 1 ? argv[1] : NULL, &dev), "device");
  check(cvk_device_describe(dev, &info), "device");
  printf("device %s: %s\n", info.id, info.name);
  check(cvk_tensor_create(dev, CVK_F32, 4, (const int64_t[]){1, 1, SIZE, SIZE}, picture, &x), "picture");
  check(cvk_tensor_create(dev, CVK_F32, 4, (const int64_t[]){1, 1, 3, 3}, laplace, &w), "weights");
  check(cvk_conv(x, w, NULL, &conv, &edges), "conv");
  check(cvk_max_pool(edges, &pool, &pooled, NULL), "max_pool");
  print("edges", edges);
  print("pooled", pooled);

  cvk_tensor_release(pooled);
  cvk_tensor_release(edges);
  cvk_tensor_release(w);
  cvk_tensor_release(x);
  cvk_device_release(dev);
  cvk_context_release(ctx);
  return 0;
}
