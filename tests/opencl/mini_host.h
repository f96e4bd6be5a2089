/* SPDX-License-Identifier: Apache-2.0 */
/* mini_host.h: the smallest host that can drive convoke-opencl.so, for the tests of its rows. Tensors live inside larger buffers whose
 * other bytes are 0xFF (NaN when read as floats) and are checked after each run, so that a read or write outside a tensor shows. */
#ifndef CVK_TESTS_MINI_HOST_H
#define CVK_TESTS_MINI_HOST_H

#include "harness.h"

#define MINI_EPS 0x1p-24 /* the unit of the error measure */

typedef struct mini_tensor { /* data is plain, dense, owned by the caller; NULL data: the tensor is absent */
  int32_t dtype, rank;
  int64_t dim[CVK_MAX_RANK];
  void *data;
  int32_t constant; /* given to the plugin as const_data */
  int32_t layout;   /* REORDER only: the format asked for (blocked is by 16) */
} mini_tensor;

typedef struct mini_op {
  int32_t kind;
  const void *attr;
  int32_t n_in, n_out, n_post;
  uint32_t flags;
  mini_tensor in[16], out[5];
  const cvk_post_op *post[8];
} mini_op;

/* Loads the plugin (CONVOKE_OPENCL_PLUGIN) and opens device 0. 0: there is no device; a line says so, and the test is to return. */
int32_t mini_open(void);
int32_t mini_cpu_class(void); /* whether CONVOKE_CL_CLASS leaves CPU devices the kernels for them */
void mini_close(void);
const cvk_backend *mini_backend(void);
const cvk_host *mini_host(void);
cvk_backend_device *mini_device(void);
cvk_queue *mini_queue(void);
const char *mini_message(void);                        /* of the last host->fail */
int32_t mini_log_lines(const char *text);              /* log lines so far that contain text */
void mini_option(const char *name, const char *value); /* what host->option answers; before mini_open */

/* Runs the op on the row of that name (NULL: the first offered). UNSUPPORTED when the row does not offer itself. Outputs land in
 * out[].data. Fails the test when bytes outside an output changed or the unused lanes of a blocked output are not zero. */
cvk_status mini_run(const char *row, mini_op *op);
/* The same, asserting success. */
void mini_must_run(const char *row, mini_op *op);
/* Whether the row offers itself. */
int32_t mini_offers(const char *row, mini_op *op);

mini_tensor mini_f32(int32_t rank, const int64_t *dim, float *data);
int64_t mini_count(const mini_tensor *t);
void mini_random(float *data, int64_t n, uint32_t seed); /* in -1..1 */

#endif
