/* SPDX-License-Identifier: Apache-2.0 */
/* small.h: what the tests of trainers share: made-up tensors, the small network of the fixtures, samples that can be learned, a trainer's
 * state. */
#ifndef CVK_TESTS_SMALL_H
#define CVK_TESTS_SMALL_H

#include "harness.h"

#define DIMS(...)                                                              \
  (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { \
    __VA_ARGS__                                                                \
  }

enum { SMALL_BATCH = 8, SMALL_CLASSES = 5 };

/* Device number i of those to test on, NULL behind the last: reference and cpu, or CONVOKE_TEST_DEVICE alone. */
const char *small_device(int i);
/* With the plugins of the environment; threads 0: the default. */
cvk_context *small_context(int32_t threads);

/* Element i is the hash of i and seed, in -scale..scale: the formula of make_fixtures.py. */
cvk_tensor *small_tensor(int32_t rank, const int64_t *dim, uint32_t seed, float scale);
cvk_tensor *small_labels(int64_t n, const int64_t *label);
cvk_tensor *small_x(int64_t n); /* [n,1,6,6], seed 1 */

cvk_value small_constant(cvk_graph *g, const char *name, cvk_tensor *t); /* takes over the caller's reference */
cvk_value small_weight(cvk_graph *g, const char *name, int32_t rank, const int64_t *dim, uint32_t seed, float scale);
cvk_value small_fill(cvk_graph *g, const char *name, int64_t n, float value); /* [n] */
cvk_value small_op(cvk_graph *g, int32_t kind, const void *attr, int32_t n, const cvk_value *in);

/* The network of make_fixtures.py: convolution 3x3 (with batch norm, then without bias), relu, max pool, dense. `batch`: the input's, -1:
 * any. */
cvk_graph *small_net(cvk_context *ctx, int batch_norm, int64_t batch);
cvk_trainer *small_trainer(cvk_graph *g, const char *device, cvk_trainer_options o);
double small_step(cvk_trainer *t, cvk_tensor *x, cvk_tensor *target); /* its loss */

extern const cvk_trainer_options small_quick; /* learns the small models in a few steps */
extern const char *small_current;             /* what the next small_near is about */
void small_near(double got, double want, double relative, const char *what);
/* A constant of the model as it is now. Of several with the name the number `which`. */
void small_read_weight(cvk_trainer *t, const char *name, int which, float *v, int64_t n);
cvk_dataset *small_dataset(cvk_context *ctx, cvk_tensor *x, cvk_tensor *target);

/* n samples u8 [1,6,6] of three classes, told apart by which third of the picture is bright; some labels are wrong where `noise` is not 0.
 */
cvk_dataset *small_data(cvk_context *ctx, int64_t n, uint32_t seed, int noise);

/* All of a trainer's state as the bytes of its checkpoint, malloc'ed. */
char *small_state(cvk_trainer *t, size_t *bytes);
/* All but the seconds. */
void small_same_epochs(const cvk_epoch_result *a, const cvk_epoch_result *b);
char *small_file(const char *path, size_t *bytes); /* malloc'ed */
void small_write(const char *path, const char *data, size_t bytes);
/* A path in a folder of this process, made on the first call. Static text: one at a time for each name. */
const char *small_path(const char *name);

#endif
