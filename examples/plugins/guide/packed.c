/* SPDX-License-Identifier: Apache-2.0 */
/* packed.c: weights in an order of the backend's own. MatMul of two f32 matrices, y [m, n] = a [m, depth] b [depth, n]. The kernel wants b
 * packed: its columns in blocks of 8, block after block, each [depth, 8], the lanes past the last column zero. A constant b is packed once, by
 * pack_create, and the host shares that pack among sessions; a b that comes at run time is packed by execute, into the workspace. */
#include "base.h"

enum { BLOCK = 8, PACK_COLUMNS = 1 /* the number of this pack format, any but 0 */ };

struct cvk_pack {
  const cvk_host *host;
  float data[];
};

struct cvk_kernel {
  const cvk_host *host;
  int64_t m, n, depth;
  const cvk_pack *pack; /* NULL: execute packs */
};

/* Bytes of b once packed; UINT64_MAX: too many. */
static uint64_t packed_bytes(const cvk_tensor_desc *b) {
  const int64_t dim[3] = {b->dim[1] / BLOCK + (b->dim[1] % BLOCK != 0), b->dim[0], BLOCK}, count = cvk_count(3, dim);
  return count < 0 || count > (int64_t)(INT64_MAX / sizeof(float)) ? UINT64_MAX : (uint64_t)count * sizeof(float);
}

static void pack_columns(int64_t depth, int64_t n, const float *b, float *to) {
  for (int64_t first = 0; first < n; first += BLOCK) {
    for (int64_t d = 0; d < depth; d++) {
      for (int64_t lane = 0; lane < BLOCK; lane++) *to++ = first + lane < n ? b[d * n + first + lane] : 0;
    }
  }
}

/* [chapter] */
/* Two rows: the packed one only for a constant b, the other for any. Best first; the host may have room for one only. */
static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const int32_t room = *n;
  if (op->kind != CVK_OP_MATMUL) return CVK_UNSUPPORTED;
  if (!guide_all_f32(op)) return guide_refuse(dev, "matmul_packed: takes f32 only");
  if (op->n_post != 0) return guide_refuse(dev, "matmul_packed: takes no post-ops");
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1];
  if (a->rank != 2 || b->rank != 2) return guide_refuse(dev, "matmul_packed: takes matrices, not stacks of them or vectors");
  if (packed_bytes(b) == UINT64_MAX) return guide_refuse(dev, "matmul_packed: b is too large");
  const double ns = 0.5 * (double)a->dim[0] * (double)a->dim[1] * (double)b->dim[1];
  *n = 0;
  if (b->const_data != NULL) {
    guide_candidate(candidates[*n], "matmul_packed", ns);
    candidates[*n]->pack[1] = PACK_COLUMNS; /* input 1 is wanted through pack_create */
    ++*n;
  }
  if (*n < room) {
    guide_candidate(candidates[*n], "matmul_pack_in_run", ns + (double)b->dim[0] * (double)b->dim[1]);
    candidates[*n]->workspace_bytes = packed_bytes(b);
    ++*n;
  }
  return CVK_OK;
}

static cvk_status pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  const cvk_tensor_desc *b = op->in[input];
  (void)candidate;
  cvk_pack *pack = guide_alloc(dev->host, sizeof *pack + packed_bytes(b), "packed weights");
  if (pack == NULL) return CVK_NO_MEMORY;
  pack->host = dev->host;
  pack_columns(b->dim[0], b->dim[1], b->const_data, pack->data); /* const_data is always plain */
  *out = pack;
  return CVK_OK;
}
static void pack_free(cvk_pack *pack) { pack->host->free(pack->host->ctx, pack); }
/* [end] */

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  cvk_kernel *k = guide_alloc(dev->host, sizeof *k, "a kernel");
  if (k == NULL) return CVK_NO_MEMORY;
  *k = (cvk_kernel){dev->host, op->in[0]->dim[0], op->in[1]->dim[1], op->in[0]->dim[1], candidate->pack[1] != 0 ? packs[1] : NULL};
  *out = k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

/* One row of y. The sums are double: a long sum of floats would leave the bound of CVK_ERROR_DIRECT. */
static void row_times_packed(const cvk_kernel *k, const float *a, const float *b, float *y) {
  for (int64_t first = 0; first < k->n; first += BLOCK) {
    double sum[BLOCK] = {0};
    for (int64_t d = 0; d < k->depth; d++, b += BLOCK) {
      for (int lane = 0; lane < BLOCK; lane++) sum[lane] += (double)a[d] * b[lane];
    }
    for (int64_t lane = 0; lane < BLOCK && first + lane < k->n; lane++) y[first + lane] = (float)sum[lane];
  }
}

/* [chapter] */
static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const float *a = guide_floats(&in[0]), *b;
  float *y = guide_floats(&out[0]);
  (void)queue, (void)wait, (void)n_wait;
  if (k->pack != NULL) {
    b = k->pack->data; /* in[1].buffer is NULL */
  } else {
    float *scratch = guide_floats(workspace);
    pack_columns(k->depth, k->n, guide_floats(&in[1]), scratch);
    b = scratch;
  }
  for (int64_t i = 0; i < k->m; i++) row_times_packed(k, a + i * k->depth, b, y + i * k->n);
  if (event != NULL) *event = NULL;
  return CVK_OK;
}
/* [end] */

static const guide_record guide_device = {"packed", "guide: packed weights", CVK_DEVICE_HOST_MEMORY};
static const cvk_backend guide_backend = {GUIDE_REQUIRED("packed"), .pack_create = pack_create, .pack_free = pack_free};
