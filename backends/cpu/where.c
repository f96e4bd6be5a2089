/* SPDX-License-Identifier: Apache-2.0 */
/* where: condition (bool) ? a : b with NumPy's broadcasting, any element type, plain. */
#include "cpu.h"
#include "strided.h"
#include "vec.h"

enum { PIECE = 16384 };

typedef uint16_t __attribute__((may_alias)) any16;
typedef uint32_t __attribute__((may_alias)) any32;
typedef uint64_t __attribute__((may_alias)) any64;

/* n results; the operands advance by 0 or 1 element. */
typedef void (*selection)(const uint8_t *c, int64_t step_c, const void *a, int64_t step_a, const void *b, int64_t step_b, void *y,
                          int64_t n);

#define SELECTION(NAME, T)                                                                                                               \
  static void NAME(const uint8_t *c, int64_t step_c, const void *a, int64_t step_a, const void *b, int64_t step_b, void *y, int64_t n) { \
    const T *p = a, *q = b;                                                                                                              \
    T *to = y;                                                                                                                           \
    for (int64_t i = 0; i < n; i++) to[i] = c[i * step_c] ? p[i * step_a] : q[i * step_b];                                               \
  }
SELECTION(select_1, uint8_t)
SELECTION(select_2, any16)
SELECTION(select_4, any32)
SELECTION(select_8, any64)
#undef SELECTION

static const selection by_bytes[9] = {[1] = select_1, [2] = select_2, [4] = select_4, [8] = select_8};

typedef struct where_kernel {
  cpu_kernel base;
  nd_space space;
  int64_t bytes, pieces, units, units_per_task;
  double ns;
} where_kernel;

typedef struct where_job {
  const where_kernel *kernel;
  const uint8_t *c;
  const char *a, *b;
  char *y;
} where_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (!by_bytes[cvk_dtype_bytes(op->out[0]->dtype)]) return cpu_refuse(why, "element type %d is unknown", op->out[0]->dtype);
  c->estimated_ns = cpu_ns_memory(device, 3.0 * (double)cvk_desc_bytes(op->out[0]), 0.5);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  where_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  nd_broadcast(&k->space, op->out[0], 3, op->in);
  const int64_t inner = nd_inner(&k->space);
  k->bytes = (int64_t)cvk_dtype_bytes(op->out[0]->dtype);
  k->pieces = cpu_ceil_div(inner, PIECE);
  k->units = nd_rows(&k->space) * k->pieces;
  k->units_per_task = cpu_max(1, PIECE / cpu_max(1, inner));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const where_job *j = arg;
  const where_kernel *k = j->kernel;
  const int32_t last = k->space.rank - 1;
  const int64_t end = cpu_min(k->units, (index + 1) * k->units_per_task);
  const int64_t sc = k->space.stride[1][last], sa = k->space.stride[2][last], sb = k->space.stride[3][last];
  (void)worker;
  for (int64_t unit = index * k->units_per_task; unit < end; unit++) {
    const int64_t first = unit % k->pieces * PIECE;
    nd_cursor at;
    nd_seek(&k->space, &at, unit / k->pieces);
    by_bytes[k->bytes](j->c + at.offset[1] + first * sc, sc, j->a + (at.offset[2] + first * sa) * k->bytes, sa,
                       j->b + (at.offset[3] + first * sb) * k->bytes, sb, j->y + (at.offset[0] + first) * k->bytes,
                       cpu_min(PIECE, nd_inner(&k->space) - first));
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const where_kernel *k = (const where_kernel *)kernel;
  where_job job = {k, in[0], in[1], in[2], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(where_row) = {
    .name = CVK_ISA_ROW("where"), .kind = CVK_OP_WHERE, .accepts = accepts, .prepare = prepare, .execute = execute};
