/* SPDX-License-Identifier: Apache-2.0 */
/* gemm: GEMM and MATMUL on plain tensors. b lies in panels of two vectors (packed once when constant, else into the workspace), a in blocks
 * of at most MAX_T rows; a register tile multiplies one block by one panel. One row of a needs no packing: the panels then stream through
 * eight chains of sums, as fast as memory gives them. Sums go through three levels (registers, totals, and parts added without loss) to
 * keep rounding errors apart.
 */
#include "gemm_pack.h"
#include "post_apply.h"

enum {
  WIDTH = 2 * VL,       /* columns of a panel */
  BLOCKS = 8,           /* blocks of rows a task */
  LINE = 16,            /* floats of a cache line */
  SHARE = WIDTH / LINE, /* lines of a panel that a product reads: so many blocks fetch the panel's next part */
};
#if V_REGISTERS == 32
#define MAX_T 14
#define EACH_T(F) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14)
#else
#define MAX_T 6
#define EACH_T(F) F(1) F(2) F(3) F(4) F(5) F(6)
#endif

/* sum[T][WIDTH] += the product of T rows ([k][T]) and a panel ([k][WIDTH]) over k products; a line of `ahead` is fetched with each. */
typedef void (*tile_fn)(const float *a, const float *b, int64_t k, const float *ahead, float *sum);

/* N: vectors of the panel that have columns. */
VI void tile(const int T, const int N, const float *a, const float *b, int64_t k, const float *ahead, float *sum) {
  for (int64_t k0 = 0; k0 < k; k0 += V_CHAIN) {
    const int64_t end = cpu_min(k, k0 + V_CHAIN);
    vf acc[MAX_T][2];
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) acc[t][0] = acc[t][1] = v_zero();
    for (int64_t i = k0; i < end; i++) {
      const vf b0 = v_load(b + i * WIDTH), b1 = N > 1 ? v_load(b + i * WIDTH + VL) : v_zero();
      __builtin_prefetch(ahead + i * LINE, 0, 2);
#pragma GCC unroll 16
      for (int t = 0; t < T; t++) {
        const vf x = v_set1(a[i * T + t]);
        acc[t][0] = v_fma(x, b0, acc[t][0]);
        if (N > 1) acc[t][1] = v_fma(x, b1, acc[t][1]);
      }
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; t++) {
      v_store(sum + t * WIDTH, v_add(v_load(sum + t * WIDTH), acc[t][0]));
      if (N > 1) v_store(sum + t * WIDTH + VL, v_add(v_load(sum + t * WIDTH + VL), acc[t][1]));
    }
  }
}

/* One row: four chains a vector hide the latency of the sums. */
static void tile_of_1(const float *a, const float *b, int64_t k, float *sum) {
  vf acc[4][2];
  int64_t i = 0;
  for (int c = 0; c < 4; c++) acc[c][0] = acc[c][1] = v_zero();
  for (; i + 4 <= k; i += 4)
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
      const vf x = v_set1(a[i + c]);
      acc[c][0] = v_fma(x, v_load(b + (i + c) * WIDTH), acc[c][0]);
      acc[c][1] = v_fma(x, v_load(b + (i + c) * WIDTH + VL), acc[c][1]);
    }
  for (; i < k; i++) {
    acc[0][0] = v_fma(v_set1(a[i]), v_load(b + i * WIDTH), acc[0][0]);
    acc[0][1] = v_fma(v_set1(a[i]), v_load(b + i * WIDTH + VL), acc[0][1]);
  }
  for (int v = 0; v < 2; v++) {
    const vf part = v_add(v_add(acc[0][v], acc[1][v]), v_add(acc[2][v], acc[3][v]));
    v_store(sum + v * VL, v_add(v_load(sum + v * VL), part));
  }
}

#define TILE(T)                                                                                         \
  static void tile_##T##_1(const float *a, const float *b, int64_t k, const float *ahead, float *sum) { \
    tile(T, 1, a, b, k, ahead, sum);                                                                    \
  }                                                                                                     \
  static void tile_##T##_2(const float *a, const float *b, int64_t k, const float *ahead, float *sum) { \
    tile(T, 2, a, b, k, ahead, sum);                                                                    \
  }
EACH_T(TILE)
#define ENTRY(T) [T] = {tile_##T##_1, tile_##T##_2},
static const tile_fn tiles[MAX_T + 1][2] = {EACH_T(ENTRY)};

typedef struct gemm_kernel {
  cpu_kernel base;
  gemm_shape s;
  cpu_post post;
  int64_t panels, panel_floats, rows, blocks, spans; /* rows: of a block; spans: groups of BLOCKS blocks */
  int64_t a_floats;                                  /* packed a's in the workspace, before packed b's; 0: a is used as it is */
  double ns;
} gemm_kernel;

typedef struct gemm_job {
  const gemm_kernel *k;
  const void *const *in;
  const float *a, *b; /* packed */
  float *to_a, *y;
} gemm_job;

static uint64_t packed_b_bytes(const gemm_shape *s) {
  return cpu_product(5, (int64_t[]){s->n_b, cpu_ceil_div(s->n, WIDTH), s->k, WIDTH, sizeof(float)});
}

/* One row, or one column that lies like a row, is its own packing. */
static int32_t packs_a(const gemm_shape *s) {
  return s->m > 1;
}

static uint64_t packed_a_bytes(const gemm_shape *s) {
  const uint64_t bytes = packs_a(s) ? cpu_product(4, (int64_t[]){s->n_a, s->m, s->k, sizeof(float)}) : 0;
  return bytes > UINT64_MAX - 64 ? UINT64_MAX : (bytes + 63) / 64 * 64;
}

static double estimate(const cpu_device *device, const gemm_shape *s, int32_t constant) {
  const double products = (double)s->batch * (double)s->m * (double)s->n * (double)s->k,
               b_floats = (double)s->n_b * (double)s->k * (double)s->n;
  const double compute = cpu_ns_compute(device, products * (double)(cpu_ceil_div(s->n, VL) * VL) / (double)cpu_max(1, s->n), 0.8);
  const double stream = cpu_ns_memory(device, 4 * b_floats, 0.8), pack = constant ? 0 : cpu_ns_memory(device, 8 * b_floats, 1.5);
  return (compute > stream ? compute : stream) + pack + cpu_ns_memory(device, 4 * (double)s->batch * (double)s->m * (double)s->n, 1);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  gemm_shape s;
  cpu_post post;
  (void)variant;
  if (!gemm_shape_read(op, &s, why) || !cpu_post_read(op, &post, why)) return 0;
  const int32_t constant = op->in[1]->const_data != NULL;
  const uint64_t a = packed_a_bytes(&s), b = packed_b_bytes(&s);
  if (a == UINT64_MAX || b == UINT64_MAX || a > UINT64_MAX - b) return cpu_refuse(why, "packed matrices overflow 64 bits");
  if (constant) c->pack[1] = 0x3000 + WIDTH;
  c->workspace_bytes = a + (constant ? 0 : b);
  c->workspace_alignment = 64;
  c->estimated_ns = estimate(device, &s, constant);
  return 1;
}

typedef struct pack_job {
  const gemm_shape *s;
  const float *b;
  float *packed;
} pack_job;

static void pack_panel_task(void *arg, int64_t index, int32_t worker) {
  const pack_job *j = arg;
  const int64_t panels = cpu_ceil_div(j->s->n, WIDTH);
  (void)worker;
  gemm_pack_panel(j->s, j->b + index / panels * j->s->k * j->s->n, index % panels, WIDTH, j->packed + index * j->s->k * WIDTH);
}

static double pack_ns(const cpu_device *device, const gemm_shape *s) {
  return cpu_ns_memory(device, 8.0 * (double)(s->n_b * s->n) * (double)s->k, 0.3);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  gemm_shape s;
  cpu_reason why;
  (void)c;
  if (input != 1 || !gemm_shape_read(op, &s, &why)) return cpu_fail(device, CVK_INVALID_ARGUMENT, "gemm: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, packed_b_bytes(&s), out);
  if (status != CVK_OK) return status;
  pack_job job = {&s, op->in[1]->const_data, (*out)->data};
  cpu_parallel(device, s.n_b * cpu_ceil_div(s.n, WIDTH), pack_ns(device, &s), pack_panel_task, &job);
  return CVK_OK;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  gemm_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!gemm_shape_read(op, &k->s, &why) || !cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "gemm: %s", why.text);
  }
  CVK_ISA_FN(post_bind)(&k->post);
  k->panels = cpu_ceil_div(k->s.n, WIDTH);
  k->panel_floats = k->s.k * WIDTH;
  k->blocks = cpu_ceil_div(k->s.m, MAX_T);
  k->rows = k->blocks ? cpu_ceil_div(k->s.m, k->blocks) : 1; /* blocks of nearly equal height */
  k->blocks = cpu_ceil_div(k->s.m, k->rows);
  k->spans = cpu_ceil_div(k->blocks, BLOCKS);
  k->a_floats = (int64_t)(packed_a_bytes(&k->s) / sizeof(float));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* Writes T finished rows of a tile: alpha, c, post-ops. */
static void finish(const gemm_job *j, const float *sum, int64_t product, int64_t m0, int64_t rows, int64_t n0) {
  const gemm_kernel *k = j->k;
  const gemm_shape *s = &k->s;
  const int64_t columns = cpu_min(WIDTH, s->n - n0);
  const vf alpha = v_set1(s->alpha), beta = v_set1(s->beta);
  for (int64_t r = 0; r < rows; r++) {
    const int64_t at = (product * s->m + m0 + r) * s->n + n0;
    const float *c = s->has_c ? (const float *)j->in[2] + (m0 + r) * s->c_row + n0 * s->c_column : NULL;
    for (int64_t v = 0; v < columns; v += VL) {
      const int64_t lanes = cpu_min(VL, columns - v);
      vf y = v_load(sum + r * WIDTH + v);
      if (s->alpha != 1) y = s->alpha == 0 ? v_zero() : v_mul(alpha, y);
      if (c) y = v_add(y, v_mul(beta, s->c_column ? v_load_n(c + v, lanes) : v_set1(*c)));
      v_store_n(j->y + at + v, y, lanes);
    }
    if (k->post.n > 0)
      CVK_ISA_FN(post_apply)(&k->post, j->y + at, columns, at, j->in);
    else
      CVK_ISA_FN(post_fold)(&k->post, j->y + at, columns, at, j->in);
  }
}

static void add_part(int64_t n, const float *part, float *sum, float *lost) {
  for (int64_t i = 0; i < n; i += VL) {
    vf s = v_load(sum + i), e = v_load(lost + i);
    v_add_to(&s, &e, v_load(part + i));
    v_store(sum + i, s);
    v_store(lost + i, e);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const gemm_job *j = arg;
  const gemm_kernel *k = j->k;
  const gemm_shape *s = &k->s;
  const int64_t panel = index % k->panels, span = index / k->panels % k->spans, product = index / k->panels / k->spans;
  const int64_t first = span * BLOCKS, last = cpu_min(k->blocks, first + BLOCKS);
  const int64_t m_first = first * k->rows, floats = cpu_min((last - first) * k->rows, s->m - m_first) * WIDTH;
  float sum[BLOCKS * MAX_T * WIDTH], lost[BLOCKS * MAX_T * WIDTH];
  const int64_t columns = s->n - panel * WIDTH;
  int64_t ma, mb;
  gemm_batch(s, product, &ma, &mb);
  const float *b = j->b + (mb * k->panels + panel) * k->panel_floats;
  (void)worker;
  memset(sum, 0, (size_t)floats * sizeof *sum);
  if (s->k > CPU_PART) memset(lost, 0, (size_t)floats * sizeof *lost);
  for (int64_t i = 0; i < s->k; i += CPU_PART) { /* a part of the panel meets all blocks while it is in cache */
    const int64_t n = cpu_min(CPU_PART, s->k - i);
    const float *b_part = b + i * WIDTH;
    for (int64_t block = first; block < last; block++) {
      const int64_t m0 = block * k->rows, rows = cpu_min(k->rows, s->m - m0), at = (m0 - m_first) * WIDTH, nth = block - first;
      const float *a = j->a + (ma * s->m + m0) * s->k + i * rows, *ahead = nth < SHARE ? b_part + n * (WIDTH + nth * LINE) : b_part;
      float part[MAX_T * WIDTH], *to = i > 0 ? part : sum + at;
      if (i > 0) memset(part, 0, (size_t)(rows * WIDTH) * sizeof *part);
      if (rows == 1)
        tile_of_1(a, b_part, n, to);
      else
        tiles[rows][columns > VL](a, b_part, n, ahead, to);
      if (i > 0) add_part(rows * WIDTH, part, sum + at, lost + at);
    }
  }
  if (s->k > CPU_PART)
    for (int64_t i = 0; i < floats; i += VL) v_store(sum + i, v_joined(v_load(sum + i), v_load(lost + i)));
  finish(j, sum, product, m_first, floats / WIDTH, panel * WIDTH);
}

static void pack_rows_task(void *arg, int64_t index, int32_t worker) {
  const gemm_job *j = arg;
  const gemm_kernel *k = j->k;
  const int64_t matrix = index / k->blocks, m0 = index % k->blocks * k->rows, at = matrix * k->s.m * k->s.k;
  (void)worker;
  gemm_pack_rows(&k->s, (const float *)j->in[0] + at, m0, cpu_min(k->rows, k->s.m - m0), j->to_a + at + m0 * k->s.k);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const gemm_kernel *k = (const gemm_kernel *)kernel;
  const gemm_shape *s = &k->s;
  const cpu_device *device = kernel->device;
  float *to_a = workspace, *to_b = workspace ? to_a + k->a_floats : NULL;
  gemm_job job = {
      .k = k, .in = in, .a = packs_a(s) ? to_a : in[0], .b = kernel->pack[1] ? kernel->pack[1]->data : to_b, .to_a = to_a, .y = out[0]};
  if (s->batch == 0 || s->m == 0 || s->n == 0) return CVK_OK;
  if (s->k > 0 && packs_a(s))
    cpu_parallel(device, s->n_a * k->blocks, cpu_ns_memory(device, 8.0 * (double)(s->n_a * s->m) * (double)s->k, 0.3), pack_rows_task,
                 &job);
  pack_job packing = {s, in[1], to_b};
  if (s->k > 0 && !kernel->pack[1]) cpu_parallel(device, s->n_b * k->panels, pack_ns(device, s), pack_panel_task, &packing);
  cpu_parallel(device, s->batch * k->spans * k->panels, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(gemm_row) = {.name = CVK_ISA_ROW("gemm"),
                                      .kind = CVK_OP_GEMM,
                                      .kind_last = CVK_OP_MATMUL,
                                      .takes_post = 1,
                                      .accepts = accepts,
                                      .prepare = prepare,
                                      .execute = execute,
                                      .pack = pack};
