/* SPDX-License-Identifier: Apache-2.0 */
/* compare: EQUAL, LESS and GREATER with NumPy's broadcasting, plain, to bool, over one table of element types and relations. */
#include "cpu.h"
#include "strided.h"
#include "vec.h"

enum { PIECE = 16384 };

/* n results; a and b advance by 0 or 1 element. */
typedef void (*relation)(const void *a, int64_t step_a, const void *b, int64_t step_b, uint8_t *y, int64_t n);

#define RELATION(NAME, T, OP)                                                                             \
  static void NAME(const void *a, int64_t step_a, const void *b, int64_t step_b, uint8_t *y, int64_t n) { \
    const T *p = a, *q = b;                                                                               \
    for (int64_t i = 0; i < n; i++) y[i] = p[i * step_a] OP q[i * step_b];                                \
  }
#define RELATIONS(T, NAME) RELATION(equal_##NAME, T, ==) RELATION(less_##NAME, T, <) RELATION(greater_##NAME, T, >)
RELATIONS(float, f32)
RELATIONS(double, f64)
RELATIONS(int32_t, i32)
RELATIONS(int64_t, i64)
RELATIONS(uint8_t, u8)
RELATIONS(int8_t, i8)
#undef RELATIONS
#undef RELATION

typedef struct type_row {
  int32_t dtype, bytes;
  relation by_kind[3]; /* EQUAL, LESS, GREATER */
} type_row;

static const type_row types[] = {
    {CVK_F32, 4, {equal_f32, less_f32, greater_f32}}, {CVK_F64, 8, {equal_f64, less_f64, greater_f64}},
    {CVK_I32, 4, {equal_i32, less_i32, greater_i32}}, {CVK_I64, 8, {equal_i64, less_i64, greater_i64}},
    {CVK_U8, 1, {equal_u8, less_u8, greater_u8}},     {CVK_I8, 1, {equal_i8, less_i8, greater_i8}},
    {CVK_BOOL, 1, {equal_u8, less_u8, greater_u8}},
};

typedef struct compare_kernel {
  cpu_kernel base;
  nd_space space;
  relation relation;
  int64_t bytes, pieces, units, units_per_task;
  double ns;
} compare_kernel;

typedef struct compare_job {
  const compare_kernel *kernel;
  const char *a, *b;
  uint8_t *y;
} compare_job;

static const type_row *find(int32_t dtype) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].dtype == dtype) return &types[i];
  return NULL;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (!find(op->in[0]->dtype)) return cpu_refuse(why, "element type %d is not in its table", op->in[0]->dtype);
  c->estimated_ns = cpu_ns_memory(device, 12.0 * (double)cvk_count(op->out[0]->rank, op->out[0]->dim), 0.5);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const type_row *t = find(op->in[0]->dtype);
  compare_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  nd_broadcast(&k->space, op->out[0], 2, op->in);
  const int64_t inner = nd_inner(&k->space);
  k->relation = t->by_kind[op->kind - CVK_OP_EQUAL];
  k->bytes = t->bytes;
  k->pieces = cpu_ceil_div(inner, PIECE);
  k->units = nd_rows(&k->space) * k->pieces;
  k->units_per_task = cpu_max(1, PIECE / cpu_max(1, inner));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const compare_job *j = arg;
  const compare_kernel *k = j->kernel;
  const int32_t last = k->space.rank - 1;
  const int64_t end = cpu_min(k->units, (index + 1) * k->units_per_task), *step[2] = {&k->space.stride[1][last], &k->space.stride[2][last]};
  (void)worker;
  for (int64_t unit = index * k->units_per_task; unit < end; unit++) {
    const int64_t first = unit % k->pieces * PIECE;
    nd_cursor at;
    nd_seek(&k->space, &at, unit / k->pieces);
    k->relation(j->a + (at.offset[1] + first * *step[0]) * k->bytes, *step[0], j->b + (at.offset[2] + first * *step[1]) * k->bytes,
                *step[1], j->y + at.offset[0] + first, cpu_min(PIECE, nd_inner(&k->space) - first));
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const compare_kernel *k = (const compare_kernel *)kernel;
  compare_job job = {k, in[0], in[1], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(compare_row) = {.name = CVK_ISA_ROW("compare"),
                                         .kind = CVK_OP_EQUAL,
                                         .kind_last = CVK_OP_GREATER,
                                         .accepts = accepts,
                                         .prepare = prepare,
                                         .execute = execute};
