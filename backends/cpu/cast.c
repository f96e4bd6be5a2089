/* SPDX-License-Identifier: Apache-2.0 */
/* cast: CAST among f32, f64, the integers of 8, 32 and 64 bits and bool, and between f32 and the floats of 16 bits, plain. A run is widened
 * to double (from floats) or i64 (from integers) and narrowed again, so a new type needs four functions. Integers keep their low bits;
 * floats to integers truncate and saturate, NaN gives 0; bool is v != 0. The same type is a copy bit for bit. */
#include <string.h>

#include "cpu.h"
#include "vec.h"

enum { RUN = 256, CHUNK = 16384 };

typedef void (*widen_real)(const void *x, double *v, int64_t n);
typedef void (*widen_int)(const void *x, int64_t *v, int64_t n);
typedef void (*narrow_real)(const double *v, void *y, int64_t n);
typedef void (*narrow_int)(const int64_t *v, void *y, int64_t n);

#define WIDEN(NAME, T, W)                            \
  static void NAME(const void *x, W *v, int64_t n) { \
    const T *p = x;                                  \
    for (int64_t i = 0; i < n; i++) v[i] = (W)p[i];  \
  }
#define NARROW(NAME, W, T, EXPRESSION)                      \
  static void NAME(const W *v, void *y, int64_t n) {        \
    T *q = y;                                               \
    for (int64_t i = 0; i < n; i++) q[i] = (T)(EXPRESSION); \
  }

/* Truncated and cut to [low, high]; NaN gives 0. `high` is the largest double not above the type's largest value. */
static inline int64_t saturate(double v, double low, double high, int64_t top) {
  return v != v ? 0 : v <= low ? (int64_t)low : v > high ? top : (int64_t)v;
}

WIDEN(real_f32, float, double)
WIDEN(real_f64, double, double)
WIDEN(int_u8, uint8_t, int64_t)
WIDEN(int_i8, int8_t, int64_t)
WIDEN(int_i32, int32_t, int64_t)
WIDEN(int_i64, int64_t, int64_t)
NARROW(f32_real, double, float, v[i])
NARROW(f64_real, double, double, v[i])
NARROW(f32_int, int64_t, float, v[i])
NARROW(f64_int, int64_t, double, v[i])
NARROW(u8_real, double, uint8_t, saturate(v[i], 0, 255, 255))
NARROW(u8_int, int64_t, uint8_t, v[i])
NARROW(i8_real, double, int8_t, saturate(v[i], -128, 127, 127))
NARROW(i8_int, int64_t, int8_t, v[i])
NARROW(i32_real, double, int32_t, saturate(v[i], INT32_MIN, INT32_MAX, INT32_MAX))
NARROW(i32_int, int64_t, int32_t, v[i])
NARROW(i64_real, double, int64_t, saturate(v[i], (double)INT64_MIN, 9223372036854774784.0, INT64_MAX))
NARROW(i64_int, int64_t, int64_t, v[i])
NARROW(bool_real, double, uint8_t, v[i] != 0)
NARROW(bool_int, int64_t, uint8_t, v[i] != 0)
#undef WIDEN
#undef NARROW

typedef struct type_row {
  int32_t dtype;
  widen_real real; /* of floats */
  widen_int integer;
  narrow_real from_real;
  narrow_int from_int;
} type_row;

static const type_row types[] = {
    {CVK_F32, real_f32, NULL, f32_real, f32_int},  {CVK_F64, real_f64, NULL, f64_real, f64_int},
    {CVK_U8, NULL, int_u8, u8_real, u8_int},       {CVK_I8, NULL, int_i8, i8_real, i8_int},
    {CVK_I32, NULL, int_i32, i32_real, i32_int},   {CVK_I64, NULL, int_i64, i64_real, i64_int},
    {CVK_BOOL, NULL, int_u8, bool_real, bool_int},
};

/* ---- f32 and floats of 16 bits, directly: no type between them would round rightly ---- */

static inline uint32_t bits_of(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static void f32_f16(const void *x, void *y, int64_t n) {
  const uint16_t *p = x;
  float *q = y;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t m = p[i] & 0x7fffu, tiny = bits_of((float)(int32_t)m * 0x1p-24f);
    const uint32_t v = m >= 0x7c00 ? 0x7f800000 | m << 13 : m >= 0x400 ? (m << 13) + 0x38000000 : tiny;
    q[i] = float_of(v | (p[i] & 0x8000u) << 16);
  }
}

/* Below the smallest normal number 0.5 is added, whose last place is that of a subnormal; else half a place, less where the last bit is
 * even. */
static void f16_f32(const void *x, void *y, int64_t n) {
  const float *p = x;
  uint16_t *q = y;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(p[i]), m = bits & 0x7fffffff, tiny = bits_of(float_of(m) + 0.5f) - 0x3f000000;
    const uint32_t normal = (m - 0x38000000 + 0xfff + (m >> 13 & 1)) >> 13;
    const uint32_t v = m > 0x7f800000 ? 0x7e00 : m >= 0x477ff000 ? 0x7c00 : m < 0x38800000 ? tiny : normal;
    q[i] = (uint16_t)(v | (bits >> 16 & 0x8000));
  }
}

static void f32_bf16(const void *x, void *y, int64_t n) {
  const uint16_t *p = x;
  float *q = y;
  for (int64_t i = 0; i < n; i++) q[i] = float_of((uint32_t)p[i] << 16);
}

static void bf16_f32(const void *x, void *y, int64_t n) {
  const float *p = x;
  uint16_t *q = y;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(p[i]), m = bits & 0x7fffffff, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    q[i] = (uint16_t)(m > 0x7f800000 ? 0x7fc0 | (bits >> 16 & 0x8000) : rounded);
  }
}

static const struct {
  int32_t from, to;
  void (*convert)(const void *x, void *y, int64_t n);
} pairs[] = {{CVK_F16, CVK_F32, f32_f16}, {CVK_F32, CVK_F16, f16_f32}, {CVK_BF16, CVK_F32, f32_bf16}, {CVK_F32, CVK_BF16, bf16_f32}};
#define N_PAIRS ((int32_t)(sizeof pairs / sizeof *pairs))

static int32_t pair_of(int32_t from, int32_t to) {
  int32_t i = 0;
  while (i < N_PAIRS && (pairs[i].from != from || pairs[i].to != to)) i++;
  return i;
}

typedef struct cast_kernel {
  cpu_kernel base;
  const type_row *from, *to;
  int32_t pair; /* N_PAIRS: none */
  int64_t count, from_bytes, to_bytes;
  double ns;
} cast_kernel;

typedef struct cast_job {
  const cast_kernel *kernel;
  const char *x;
  char *y;
} cast_job;

static const type_row *find(int32_t dtype) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].dtype == dtype) return &types[i];
  return NULL;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  const int32_t direct = pair_of(op->in[0]->dtype, op->out[0]->dtype) < N_PAIRS;
  if (!direct && !find(op->in[0]->dtype)) return cpu_refuse(why, "element type %d is not in its table", op->in[0]->dtype);
  if (!direct && !find(op->out[0]->dtype)) return cpu_refuse(why, "element type %d is not in its table", op->out[0]->dtype);
  c->estimated_ns = cpu_ns_memory(device, (double)cvk_desc_bytes(op->in[0]) + (double)cvk_desc_bytes(op->out[0]), 0.25);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  cast_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->pair = pair_of(op->in[0]->dtype, op->out[0]->dtype);
  k->from = find(op->in[0]->dtype);
  k->to = find(op->out[0]->dtype);
  k->count = cvk_count(op->in[0]->rank, op->in[0]->dim);
  k->from_bytes = (int64_t)cvk_dtype_bytes(op->in[0]->dtype);
  k->to_bytes = (int64_t)cvk_dtype_bytes(op->out[0]->dtype);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void convert(const cast_kernel *k, const char *x, char *y, int64_t n) {
  double real[RUN];
  int64_t integer[RUN];
  if (k->pair < N_PAIRS) {
    pairs[k->pair].convert(x, y, n);
  } else if (k->from == k->to) {
    memmove(y, x, (size_t)(n * k->to_bytes));
  } else if (k->from->real) {
    k->from->real(x, real, n);
    k->to->from_real(real, y, n);
  } else {
    k->from->integer(x, integer, n);
    k->to->from_int(integer, y, n);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const cast_job *j = arg;
  const cast_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->count, (index + 1) * CHUNK);
  (void)worker;
  for (int64_t i = index * CHUNK; i < end; i += RUN) convert(k, j->x + i * k->from_bytes, j->y + i * k->to_bytes, cpu_min(RUN, end - i));
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const cast_kernel *k = (const cast_kernel *)kernel;
  cast_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->count, CHUNK), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(cast_row) = {
    .name = CVK_ISA_ROW("cast"), .kind = CVK_OP_CAST, .accepts = accepts, .prepare = prepare, .execute = execute};
