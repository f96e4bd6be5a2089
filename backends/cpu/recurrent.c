/* SPDX-License-Identifier: Apache-2.0 */
/* recurrent: LSTM, GRU and RNN with their default activations on f32. Weights lie in panels, one a block of VL hidden units: [k][gate][VL].
 * First the products of all inputs with w, biases added, fill z [direction][block][row of x][column][VL]; then each step adds the
 * products of the hidden state with r to its rows of z and applies the gates. A step is one phase, or two where the second needs the first
 * of all blocks.
 */
#include "gemm_pack.h"
#include "vmath.h"

enum { X, W, R, B, LENGTHS, FIRST_H, FIRST_C, PEEPHOLES };
enum { Y, LAST_H, LAST_C };
enum { MAX_GATES = 4, PACK = 0xa000 };

/* ---- products ---- */

#if V_REGISTERS == 32
#define MAX_T 6
#define EACH_T(F, V) F(V, 1) F(V, 2) F(V, 3) F(V, 4) F(V, 5) F(V, 6)
#else
#define MAX_T 2
#define EACH_T(F, V) F(V, 1) F(V, 2)
#endif
#define EACH_V(F) EACH_T(F, 1) EACH_T(F, 2) EACH_T(F, 3) EACH_T(F, 4)
#define CHAINS(V, T) ((T) > 1 ? 1 : (V) > 2 ? 2 : 4) /* of sums a vector: one row alone would wait for each sum */

/* T rows of V vectors `sum` += the product of T rows a and a panel b of k products. */
typedef void (*tile_fn)(int64_t k, const float *a, int64_t a_step, const float *b, int64_t b_step, float *sum, int64_t sum_step);

VI void tile(const int V, const int T, const int C, int64_t k, const float *a, int64_t a_step, const float *b, int64_t b_step, float *sum,
             int64_t sum_step) {
  for (int64_t i = 0; i < k;) {
    const int64_t end = cpu_min(k, i + C * V_CHAIN);
    vf acc[MAX_GATES * (MAX_T > 2 ? MAX_T : 2)];
#pragma GCC unroll 32
    for (int n = 0; n < C * T * V; n++) acc[n] = v_zero();
    for (; i + C <= end; i += C)
#pragma GCC unroll 8
      for (int c = 0; c < C; c++)
#pragma GCC unroll 8
        for (int t = 0; t < T; t++) {
          const vf x = v_set1(a[t * a_step + i + c]);
#pragma GCC unroll 8
          for (int v = 0; v < V; v++) acc[(c * T + t) * V + v] = v_fma(x, v_load(b + (i + c) * b_step + v * VL), acc[(c * T + t) * V + v]);
        }
    for (; i < end; i++) /* C > 1, thus T = 1 */
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) acc[v] = v_fma(v_set1(a[i]), v_load(b + i * b_step + v * VL), acc[v]);
#pragma GCC unroll 8
    for (int c = 1; c < C; c++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) acc[v] = v_add(acc[v], acc[c * V + v]);
#pragma GCC unroll 8
    for (int t = 0; t < T; t++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) {
        float *to = sum + t * sum_step + v * VL;
        v_store(to, v_add(v_load(to), acc[t * V + v]));
      }
  }
}

#define TILE(V, T)                                                                                                                      \
  static void tile_##V##_##T(int64_t k, const float *a, int64_t a_step, const float *b, int64_t b_step, float *sum, int64_t sum_step) { \
    tile(V, T, CHAINS(V, T), k, a, a_step, b, b_step, sum, sum_step);                                                                   \
  }
EACH_V(TILE)
#define ENTRY(V, T) [V][T] = tile_##V##_##T,
static const tile_fn tiles[MAX_GATES + 1][MAX_T + 1] = {EACH_V(ENTRY)};

/* rows rows of `vectors` vectors. */
static void add_products(int32_t vectors, int64_t rows, int64_t k, const float *a, int64_t a_step, const float *b, int64_t b_step,
                         float *sum, int64_t sum_step) {
  for (int64_t m = 0; m < rows; m += MAX_T)
    tiles[vectors][cpu_min(MAX_T, rows - m)](k, a + m * a_step, a_step, b, b_step, sum + m * sum_step, sum_step);
}

/* ---- gates ---- */

/* One block of units of one sequence: its row of z; its hidden state before and after the step; LSTM's cell state, or GRU's h under reset.
 */
typedef void (*gates_fn)(float *z, const float *h, float *next, float *state);

VI vf between(vf share, vf a, vf b) { /* (1 - share) a + share b */
  return v_add(v_mul(v_sub(v_set1(1.0f), share), a), v_mul(share, b));
}

static void lstm_gates(float *z, const float *h, float *next, float *state) {
  const vf in = v_sigmoid(v_load(z)), out = v_sigmoid(v_load(z + VL)), forget = v_sigmoid(v_load(z + 2 * VL));
  const vf c = v_add(v_mul(forget, v_load(state)), v_mul(in, v_tanh(v_load(z + 3 * VL))));
  (void)h;
  v_store(state, c);
  v_store(next, v_mul(out, v_tanh(c)));
}

static void gru_reset(float *z, const float *h, float *next, float *state) {
  (void)next;
  v_store(z, v_sigmoid(v_load(z)));
  v_store(state, v_mul(v_sigmoid(v_load(z + VL)), v_load(h)));
}

static void gru_hidden(float *z, const float *h, float *next, float *state) {
  (void)state;
  v_store(next, between(v_load(z), v_tanh(v_load(z + 2 * VL)), v_load(h)));
}

/* Column 2 has the products with r, column 3 those with w. */
static void gru_linear(float *z, const float *h, float *next, float *state) {
  const vf hidden = v_tanh(v_add(v_load(z + 3 * VL), v_mul(v_sigmoid(v_load(z + VL)), v_load(z + 2 * VL))));
  (void)state;
  v_store(next, between(v_sigmoid(v_load(z)), hidden, v_load(h)));
}

static void rnn_gates(float *z, const float *h, float *next, float *state) {
  (void)h, (void)state;
  v_store(next, v_tanh(v_load(z)));
}

/* ---- kinds ---- */

typedef struct phase {
  int32_t first, vectors; /* the gates that it multiplies */
  int32_t of_state;       /* their products are with `state`, not with h */
  gates_fn gates;
} phase;

typedef struct kind_row {
  int32_t kind, linear, gates, columns, n_phases; /* columns: vectors of a row of z */
  phase phases[2];
  int32_t n_functions, function[3];
} kind_row;

static const kind_row kinds[] = {
    {CVK_OP_LSTM, 0, 4, 4, 1, {{0, 4, 0, lstm_gates}}, 3, {CVK_GATE_SIGMOID, CVK_GATE_TANH, CVK_GATE_TANH}},
    {CVK_OP_GRU, 0, 3, 3, 2, {{0, 2, 0, gru_reset}, {2, 1, 1, gru_hidden}}, 2, {CVK_GATE_SIGMOID, CVK_GATE_TANH}},
    {CVK_OP_GRU, 1, 3, 4, 1, {{0, 3, 0, gru_linear}}, 2, {CVK_GATE_SIGMOID, CVK_GATE_TANH}},
    {CVK_OP_RNN, 0, 1, 1, 1, {{0, 1, 0, rnn_gates}}, 1, {CVK_GATE_TANH}},
};

typedef struct recurrent_shape {
  const kind_row *row;
  int64_t time, batch, inputs, hidden, directions, blocks;
  int32_t reverse;          /* the first direction goes backwards */
  int32_t batch_first;      /* layout 1 */
  int64_t padded, panel;    /* units of all blocks; floats of one k of a panel */
  uint64_t z, states, w, r; /* bytes of the workspace's parts; w, r: of the packed weights */
} recurrent_shape;

static const kind_row *find_kind(const cvk_op *op, const cvk_recurrent_attr *a) {
  const int32_t linear = op->kind == CVK_OP_GRU && a->linear_before_reset != 0;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].kind == op->kind && kinds[i].linear == linear) return &kinds[i];
  return NULL;
}

static int32_t given(const cvk_op *op, int32_t i) {
  return i < op->n_in && op->in[i] != NULL;
}

static int32_t shape_read(const cvk_op *op, recurrent_shape *s, cpu_reason *why) {
  const cvk_recurrent_attr *a = op->attr;
  const kind_row *row = find_kind(op, a);
  if (!row) return cpu_refuse(why, "op kind %d is no recurrence", op->kind);
  if (given(op, PEEPHOLES)) return cpu_refuse(why, "peepholes are given");
  if (op->in[X]->dtype != CVK_F32) return cpu_refuse(why, "x has element type %d, not f32", op->in[X]->dtype);
  if (a->clip > 0) return cpu_refuse(why, "clip %g, only 0 is taken", (double)a->clip);
  if (op->kind == CVK_OP_LSTM && a->input_forget) return cpu_refuse(why, "input_forget %d, only 0 is taken", a->input_forget);
  const int32_t directions = a->direction == CVK_BIDIRECTIONAL ? 2 : 1;
  for (int32_t i = 0; i < directions * row->n_functions; i++)
    if (a->activation[i] != row->function[i % row->n_functions])
      return cpu_refuse(why, "activation %d is %d, only the default %d is taken", i, a->activation[i], row->function[i % row->n_functions]);
  *s = (recurrent_shape){.row = row,
                         .time = op->in[X]->dim[a->layout],
                         .batch = op->in[X]->dim[1 - a->layout],
                         .inputs = op->in[X]->dim[2],
                         .hidden = a->hidden_size,
                         .directions = directions,
                         .blocks = cpu_ceil_div(a->hidden_size, VL),
                         .reverse = a->direction == CVK_REVERSE,
                         .batch_first = a->layout,
                         .panel = row->gates * VL};
  s->padded = s->blocks * VL;
  s->z = cpu_product(6, (int64_t[]){directions, s->time, s->batch, s->padded, row->columns, sizeof(float)});
  s->states = cpu_product(5, (int64_t[]){directions, 3, s->batch, s->padded, sizeof(float)});
  s->w = cpu_product(5, (int64_t[]){directions, s->blocks, s->inputs, s->panel, sizeof(float)});
  s->r = cpu_product(5, (int64_t[]){directions, s->blocks, s->hidden, s->panel, sizeof(float)});
  const uint64_t most = UINT64_MAX / 4;
  if (s->z > most || s->states > most || s->w > most || s->r > most) return cpu_refuse(why, "the workspace overflows 64 bits");
  return 1;
}

/* ---- estimates ---- */

static double input_ns(const cpu_device *device, const recurrent_shape *s) {
  const double compute = cpu_ns_compute(device, (double)s->time * (double)s->batch * (double)(s->w / sizeof(float)), 0.6);
  const double stream = cpu_ns_memory(device, (double)s->w, 0.8);
  return compute > stream ? compute : stream;
}

/* A step of one direction. */
static double step_ns(const cpu_device *device, const recurrent_shape *s) {
  const double r = (double)s->r / (double)s->directions, gates = (double)s->batch * (double)s->padded * s->row->columns;
  const double compute = cpu_ns_compute(device, (double)s->batch * r / sizeof(float), 0.5), stream = cpu_ns_memory(device, r, 0.8);
  return (compute > stream ? compute : stream) + cpu_ns_compute(device, 20 * gates, 0.5);
}

static double pack_ns(const cpu_device *device, uint64_t bytes) {
  return cpu_ns_memory(device, 2 * (double)bytes, 0.3);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  recurrent_shape s;
  (void)variant;
  if (!shape_read(op, &s, why)) return 0;
  c->workspace_bytes = s.z + s.states;
  c->workspace_alignment = 64;
  c->estimated_ns = input_ns(device, &s) + (double)(s.time * s.directions) * step_ns(device, &s);
  const uint64_t bytes[] = {[W] = s.w, [R] = s.r};
  for (int32_t i = W; i <= R; i++)
    if (op->in[i]->const_data != NULL) {
      c->pack[i] = (uint64_t)(PACK + 0x100 * s.row->gates + VL);
    } else {
      c->workspace_bytes += bytes[i];
      c->estimated_ns += pack_ns(device, bytes[i]);
    }
  return 1;
}

/* ---- packing ---- */

typedef struct pack_job {
  const recurrent_shape *s;
  int64_t k;
  const float *from;
  float *to;
} pack_job;

static void pack_panel_task(void *arg, int64_t index, int32_t worker) {
  const pack_job *j = arg;
  const recurrent_shape *s = j->s;
  const int64_t direction = index / s->blocks, unit = index % s->blocks * VL;
  (void)worker;
  for (int64_t gate = 0; gate < s->row->gates; gate++)
    pack_lines(j->from + ((direction * s->row->gates + gate) * s->hidden + unit) * j->k, cpu_min(VL, s->hidden - unit), VL, j->k, s->panel,
               j->to + index * j->k * s->panel + gate * VL);
}

/* w (k: inputs) or r (k: hidden). */
static void pack_weights(const cpu_device *device, const recurrent_shape *s, int64_t k, const float *from, float *to) {
  pack_job job = {s, k, from, to};
  cpu_parallel(device, s->directions * s->blocks, pack_ns(device, k == s->inputs ? s->w : s->r), pack_panel_task, &job);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  recurrent_shape s;
  cpu_reason why;
  (void)c;
  if ((input != W && input != R) || !shape_read(op, &s, &why))
    return cpu_fail(device, CVK_INVALID_ARGUMENT, "recurrent: input %d is not packed", input);
  const cvk_status status = cpu_pack_new(device, input == W ? s.w : s.r, out);
  if (status == CVK_OK) pack_weights(device, &s, input == W ? s.inputs : s.hidden, op->in[input]->const_data, (*out)->data);
  return status;
}

/* ---- runs ---- */

typedef struct recurrent_kernel {
  cpu_kernel base;
  recurrent_shape s;
  int32_t long_lengths; /* i64, else i32 */
  double input_ns, step_ns;
} recurrent_kernel;

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  recurrent_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  (void)c;
  if (!k) return CVK_NO_MEMORY;
  if (!shape_read(op, &k->s, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_UNSUPPORTED, "recurrent: %s", why.text);
  }
  k->long_lengths = given(op, LENGTHS) && op->in[LENGTHS]->dtype == CVK_I64;
  k->input_ns = input_ns(device, &k->s);
  k->step_ns = step_ns(device, &k->s);
  *out = &k->base;
  return CVK_OK;
}

typedef struct recurrent_job {
  const recurrent_kernel *k;
  const float *x, *b, *first_h, *first_c, *w, *r; /* b and the first states may be absent; w, r packed */
  const void *lengths;                            /* NULL: all sequences are as long as the time axis */
  float *y, *last[2];                             /* each may be absent; the last hidden and cell states */
  float *z, *states;                              /* states [direction][h, next h, state][batch][padded] */
} recurrent_job;

typedef struct step_job {
  const recurrent_job *j;
  const phase *phase;
  int64_t direction, k; /* k: steps before this one */
  const float *h;
  float *next, *state, *y; /* y NULL: absent, or not the last phase */
} step_job;

static int64_t length_of(const recurrent_job *j, int64_t sequence) {
  if (!j->lengths) return j->k->s.time;
  return j->k->long_lengths ? ((const int64_t *)j->lengths)[sequence] : ((const int32_t *)j->lengths)[sequence];
}

/* VL units of the biases of a gate: with_w that of w, with_r that of r. */
static vf bias(const recurrent_job *j, int64_t direction, int64_t gate, int64_t unit, int32_t with_w, int32_t with_r) {
  const recurrent_shape *s = &j->k->s;
  const int64_t n = cpu_min(VL, s->hidden - unit), rows = s->row->gates * s->hidden;
  if (!j->b) return v_zero();
  const float *b = j->b + direction * 2 * rows + gate * s->hidden + unit;
  return v_add(with_w ? v_load_n(b, n) : v_zero(), with_r ? v_load_n(b + rows, n) : v_zero());
}

static void input_task(void *arg, int64_t index, int32_t worker) {
  const recurrent_job *j = arg;
  const recurrent_shape *s = &j->k->s;
  const int64_t direction = index / s->blocks, unit = index % s->blocks * VL, rows = s->time * s->batch, step = s->row->columns * VL;
  const int32_t linear = s->row->linear;
  float *z = j->z + index * rows * step;
  (void)worker;
  for (int64_t gate = 0; gate < s->row->gates; gate++) {
    const vf both = bias(j, direction, gate, unit, 1, !(linear && gate == 2));
    for (int64_t m = 0; m < rows; m++) v_store(z + m * step + gate * VL, both);
  }
  add_products(s->row->gates, rows, s->inputs, j->x, s->inputs, j->w + index * s->inputs * s->panel, s->panel, z, step);
  if (!linear) return;
  const vf hidden = bias(j, direction, 2, unit, 0, 1);
  for (int64_t m = 0; m < rows; m++) {
    v_store(z + m * step + 3 * VL, v_load(z + m * step + 2 * VL));
    v_store(z + m * step + 2 * VL, hidden);
  }
}

/* Sequences i to i + n - 1 at time t. */
static void step_rows(const step_job *j, int64_t block, int64_t t, int64_t i, int64_t n) {
  const recurrent_shape *s = &j->j->k->s;
  const int64_t panel = j->direction * s->blocks + block, unit = block * VL, row = s->row->columns * VL;
  const int64_t first = s->batch_first ? i * s->time + t : t * s->batch + i, step = s->batch_first ? s->time * row : row;
  float *z = j->j->z + (panel * s->time * s->batch + first) * row;
  const float *r = j->j->r + panel * s->hidden * s->panel + j->phase->first * VL, *a = j->phase->of_state ? j->state : j->h;
  add_products(j->phase->vectors, n, s->hidden, a + i * s->padded, s->padded, r, s->panel, z + j->phase->first * VL, step);
  for (int64_t m = 0; m < n; m++) {
    const int64_t at = (i + m) * s->padded + unit;
    j->phase->gates(z + m * step, j->h + at, j->next + at, j->state + at);
  }
}

static void store_y(const step_job *j, int64_t unit, int64_t t, int64_t sequence, vf v) {
  const recurrent_shape *s = &j->j->k->s;
  const int64_t at =
      s->batch_first ? (sequence * s->time + t) * s->directions + j->direction : (t * s->directions + j->direction) * s->batch + sequence;
  if (j->y) v_store_n(j->y + at * s->hidden + unit, v, cpu_min(VL, s->hidden - unit));
}

/* One block of all sequences: together, or one by one where their lengths differ. One that has ended keeps its state. */
static void step_task(void *arg, int64_t block, int32_t worker) {
  const step_job *j = arg;
  const recurrent_shape *s = &j->j->k->s;
  const int64_t unit = block * VL, n = j->j->lengths ? 1 : s->batch;
  (void)worker;
  for (int64_t i = 0; i < s->batch; i += n) {
    const int64_t length = length_of(j->j, i);
    if (j->k >= length) {
      v_store(j->next + i * s->padded + unit, v_load(j->h + i * s->padded + unit));
      store_y(j, unit, j->k, i, v_zero());
      continue;
    }
    const int64_t t = s->reverse || j->direction == 1 ? length - 1 - j->k : j->k;
    step_rows(j, block, t, i, n);
    for (int64_t m = i; m < i + n; m++) store_y(j, unit, t, m, v_load(j->next + m * s->padded + unit));
  }
}

static int64_t state_at(const recurrent_shape *s, int64_t direction, int64_t sequence) {
  return (s->batch_first ? sequence * s->directions + direction : direction * s->batch + sequence) * s->hidden;
}

/* `from` NULL: zeros. The units past the last are zeros too. */
static void load_state(const recurrent_shape *s, const float *from, int64_t direction, float *to) {
  memset(to, 0, (size_t)(s->batch * s->padded) * sizeof *to);
  for (int64_t i = 0; from && i < s->batch; i++)
    memcpy(to + i * s->padded, from + state_at(s, direction, i), (size_t)s->hidden * sizeof *to);
}

static void store_state(const recurrent_shape *s, const float *from, int64_t direction, float *to) {
  for (int64_t i = 0; to && i < s->batch; i++) memcpy(to + state_at(s, direction, i), from + i * s->padded, (size_t)s->hidden * sizeof *to);
}

static void direction_task(void *arg, int64_t direction, int32_t worker) {
  const recurrent_job *j = arg;
  const recurrent_shape *s = &j->k->s;
  const int64_t floats = s->batch * s->padded;
  float *h = j->states + direction * 3 * floats, *next = h + floats, *state = next + floats;
  (void)worker;
  load_state(s, j->first_h, direction, h);
  load_state(s, j->first_c, direction, state);
  for (int64_t k = 0; k < s->time; k++) {
    for (int32_t p = 0; p < s->row->n_phases; p++) {
      step_job step = {j, &s->row->phases[p], direction, k, h, next, state, p == s->row->n_phases - 1 ? j->y : NULL};
      cpu_parallel(j->k->base.device, s->blocks, j->k->step_ns / s->row->n_phases, step_task, &step);
    }
    float *done = h;
    h = next;
    next = done;
  }
  store_state(s, h, direction, j->last[0]);
  store_state(s, state, direction, j->last[1]);
}

/* Looks at the lengths, and drops them where all sequences are as long as the time axis. */
static cvk_status read_lengths(recurrent_job *j, const void *lengths) {
  const recurrent_shape *s = &j->k->s;
  int64_t whole = 0;
  j->lengths = lengths;
  for (int64_t i = 0; i < s->batch; i++) {
    const int64_t length = length_of(j, i);
    if (length < 0 || length > s->time)
      return cpu_fail(j->k->base.device, CVK_INVALID_ARGUMENT, "recurrent: length %lld (batch %lld), allowed 0 to %lld", (long long)length,
                      (long long)i, (long long)s->time);
    whole += length == s->time;
  }
  if (whole == s->batch) j->lengths = NULL;
  return CVK_OK;
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const recurrent_kernel *k = (const recurrent_kernel *)kernel;
  const recurrent_shape *s = &k->s;
  const cpu_device *device = kernel->device;
  if (s->hidden == 0 || s->batch == 0) return CVK_OK;
  float *z = workspace, *states = z + s->z / sizeof *z, *packed = states + s->states / sizeof *z;
  recurrent_job job = {.k = k, .x = in[X], .z = z, .states = states, .y = out[Y]};
  if (kernel->n_in > B) job.b = in[B];
  if (kernel->n_in > FIRST_H) job.first_h = in[FIRST_H];
  if (kernel->n_in > FIRST_C) job.first_c = in[FIRST_C];
  const cvk_status status = read_lengths(&job, kernel->n_in > LENGTHS ? in[LENGTHS] : NULL);
  if (status != CVK_OK) return status;
  for (int32_t i = LAST_H; i < kernel->n_out; i++) job.last[i - LAST_H] = out[i];
  if (!kernel->pack[W]) {
    pack_weights(device, s, s->inputs, in[W], packed);
    job.w = packed;
    packed += s->w / sizeof *z;
  } else {
    job.w = kernel->pack[W]->data;
  }
  if (!kernel->pack[R]) pack_weights(device, s, s->hidden, in[R], packed);
  job.r = kernel->pack[R] ? kernel->pack[R]->data : packed;
  cpu_parallel(device, s->directions * s->blocks, k->input_ns, input_task, &job);
  /* Directions side by side need no waiting between steps; where there are more threads and large steps, each step is shared among all. */
  const int32_t share_steps = cpu_workers(device) > s->directions && k->step_ns > 100e3;
  cpu_parallel(device, s->directions, share_steps ? 0 : (double)s->time * (double)s->directions * k->step_ns, direction_task, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(recurrent_row) = {.name = CVK_ISA_ROW("recurrent"),
                                           .kind = CVK_OP_LSTM,
                                           .kind_last = CVK_OP_RNN,
                                           .accepts = accepts,
                                           .prepare = prepare,
                                           .execute = execute,
                                           .pack = pack};
