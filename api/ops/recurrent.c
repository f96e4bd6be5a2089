/* SPDX-License-Identifier: Apache-2.0 */
/* recurrent.c: LSTM, GRU and RNN over sequences, in one or both directions (ONNX LSTM, GRU, RNN): the equations of those operators, in
 * double throughout. A sequence that is shorter than the time axis ends early: y is zero past its end, and backwards it starts there.
 * Without any step the last states are the first ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"

enum { X, W, R, B, LENGTHS, FIRST_H, FIRST_C, PEEPHOLES, INPUTS };
enum { Y, LAST_H, LAST_C };
static const char *const input_names[INPUTS] = {
    "x", "w", "r", "b", "lengths", "the first hidden state", "the first cell state", "the peepholes"};

/* ---- kinds ---- */

#define MOST_FUNCTIONS 3
typedef struct kind_row {
  int32_t kind, gates, n_functions;
  int32_t function[MOST_FUNCTIONS]; /* the defaults */
} kind_row;

static const kind_row kinds[] = {
    {CVK_OP_LSTM, 4, 3, {CVK_GATE_SIGMOID, CVK_GATE_TANH, CVK_GATE_TANH}},
    {CVK_OP_GRU, 3, 2, {CVK_GATE_SIGMOID, CVK_GATE_TANH}},
    {CVK_OP_RNN, 1, 1, {CVK_GATE_TANH}},
};

static const kind_row *find_kind(int32_t kind) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].kind == kind) return &kinds[i];
  return NULL;
}

/* ---- activations ---- */

static double relu(double x, double a, double b) {
  (void)a, (void)b;
  return x <= 0 ? 0 : x;
}
static double tangent(double x, double a, double b) {
  (void)a, (void)b;
  return tanh(x);
}
static double sigmoid(double x, double a, double b) {
  (void)a, (void)b;
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}
static double affine(double x, double a, double b) {
  return a * x + b;
}
static double leaky_relu(double x, double a, double b) {
  (void)b;
  return x < 0 ? a * x : x;
}
static double thresholded_relu(double x, double a, double b) {
  (void)b;
  return x < a ? 0 : x;
}
static double scaled_tangent(double x, double a, double b) {
  return a * tanh(b * x);
}
static double hard_sigmoid(double x, double a, double b) {
  const double y = a * x + b;
  return y < 0 ? 0 : y > 1 ? 1 : y;
}
static double elu(double x, double a, double b) {
  (void)b;
  return x < 0 ? a * expm1(x) : x;
}
static double softsign(double x, double a, double b) {
  (void)a, (void)b;
  return x / (1 + fabs(x));
}
static double softplus(double x, double a, double b) {
  (void)a, (void)b;
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double (*const functions[])(double x, double a, double b) = {
    [CVK_GATE_RELU] = relu,
    [CVK_GATE_TANH] = tangent,
    [CVK_GATE_SIGMOID] = sigmoid,
    [CVK_GATE_AFFINE] = affine,
    [CVK_GATE_LEAKY_RELU] = leaky_relu,
    [CVK_GATE_THRESHOLDED_RELU] = thresholded_relu,
    [CVK_GATE_SCALED_TANH] = scaled_tangent,
    [CVK_GATE_HARD_SIGMOID] = hard_sigmoid,
    [CVK_GATE_ELU] = elu,
    [CVK_GATE_SOFTSIGN] = softsign,
    [CVK_GATE_SOFTPLUS] = softplus,
};
#define FUNCTIONS ((int32_t)(sizeof functions / sizeof *functions))

/* ---- shapes ---- */

static cvk_status check_shape(const cvk_op_call *call, int32_t i, int32_t rank, const int64_t *dim) {
  const cvk_tensor_desc *d = i < call->n_in ? call->in[i] : NULL;
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (d == NULL) return CVK_OK;
  if (d->rank != rank || memcmp(d->dim, dim, (size_t)rank * sizeof *dim) != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: %s (input %d) has shape %s, must have %s", call->def->name, input_names[i], i,
                    cvk_dims_text(d->rank, d->dim, got), cvk_dims_text(rank, dim, want));
  if (i != LENGTHS && d->dtype != call->in[X]->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %s (input %d) is %s, x is %s", call->def->name, input_names[i], i, cvk_dtype_name(d->dtype),
                    cvk_dtype_name(call->in[X]->dtype));
  return CVK_OK;
}

static cvk_status resolve_attr(cvk_op_call *call, const kind_row *row) {
  cvk_recurrent_attr *attr = &call->attr->recurrent;
  const char *op = call->def->name;
  const int32_t directions = attr->direction == CVK_BIDIRECTIONAL ? 2 : 1;
  if (attr->direction < 0 || attr->direction > CVK_BIDIRECTIONAL)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: direction is %d, allowed 0 to 2", op, attr->direction);
  if (attr->layout != 0 && attr->layout != 1) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: layout is %d, allowed 0 and 1", op, attr->layout);
  if (!(attr->clip >= 0)) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: clip is %g, must be 0 (none) or above", op, (double)attr->clip);
  for (int32_t i = 0; i < directions * row->n_functions; i++) {
    int32_t *f = &attr->activation[i];
    if (*f < 0 || *f >= FUNCTIONS)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: activation %d is %d, allowed 0 to %d", op, i, *f, FUNCTIONS - 1);
    if (*f == CVK_GATE_DEFAULT) *f = row->function[i % row->n_functions];
  }
  return CVK_OK;
}

cvk_status cvk_infer_recurrent(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16}, length_types[] = {CVK_I32, CVK_I64};
  const kind_row *row = find_kind(call->kind);
  const cvk_tensor_desc *x = call->in[X], *r = call->in[R];
  cvk_recurrent_attr *attr = &call->attr->recurrent;
  const char *op = call->def->name;
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "%s: no recurrence", op);
  cvk_status s = cvk_require_dtype(call, X, 4, types);
  if (s == CVK_OK && call->n_in > LENGTHS && call->in[LENGTHS] != NULL) s = cvk_require_dtype(call, LENGTHS, 2, length_types);
  if (s == CVK_OK) s = resolve_attr(call, row);
  if (s != CVK_OK) return s;
  if (x->rank != 3 || r->rank != 3) return cvk_fail(CVK_INVALID_SHAPE, "%s: x has rank %d and r %d, both must be 3", op, x->rank, r->rank);
  if (attr->hidden_size == 0) attr->hidden_size = r->dim[2];
  const int64_t hidden = attr->hidden_size, directions = attr->direction == CVK_BIDIRECTIONAL ? 2 : 1;
  if (hidden < 0 || hidden > INT64_MAX / 8)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: hidden_size is %lld, allowed 0 to %lld", op, (long long)hidden, (long long)(INT64_MAX / 8));
  const int64_t time = x->dim[attr->layout], batch = x->dim[1 - attr->layout], rows = row->gates * hidden;
  const int64_t state[2][3] = {{directions, batch, hidden}, {batch, directions, hidden}};
  const int64_t all[2][4] = {{time, directions, batch, hidden}, {batch, time, directions, hidden}};
  s = check_shape(call, W, 3, (const int64_t[]){directions, rows, x->dim[2]});
  if (s == CVK_OK) s = check_shape(call, R, 3, (const int64_t[]){directions, rows, hidden});
  if (s == CVK_OK) s = check_shape(call, B, 2, (const int64_t[]){directions, 2 * rows});
  if (s == CVK_OK) s = check_shape(call, LENGTHS, 1, &batch);
  if (s == CVK_OK) s = check_shape(call, FIRST_H, 3, state[attr->layout]);
  if (s == CVK_OK) s = check_shape(call, FIRST_C, 3, state[attr->layout]);
  if (s == CVK_OK) s = check_shape(call, PEEPHOLES, 2, (const int64_t[]){directions, 3 * hidden});
  if (s == CVK_OK) s = cvk_desc_set(&call->out[Y], op, x->dtype, 4, all[attr->layout]);
  for (int32_t i = LAST_H; s == CVK_OK && i < call->n_out; i++) s = cvk_desc_set(&call->out[i], op, x->dtype, 3, state[attr->layout]);
  return s;
}

/* ---- steps ---- */

/* One direction: its weights as doubles, and the state of the sequence in hand. */
typedef struct cell {
  const cvk_recurrent_attr *attr;
  const kind_row *row;
  int32_t first; /* of its activations among the attribute's */
  int64_t inputs, hidden;
  double *w, *r, *wb, *rb, *peephole; /* absent ones are zeros */
  double *x, *h, *c, *gate, *reset;   /* reset: hidden numbers of room */
} cell;

static double apply(const cell *u, int32_t function, double x) {
  const cvk_recurrent_attr *a = u->attr;
  const int32_t i = u->first + function;
  const double clip = (double)a->clip;
  if (clip > 0) x = x < -clip ? -clip : x > clip ? clip : x;
  return functions[a->activation[i]](x, (double)a->alpha[i], (double)a->beta[i]);
}

static double dot(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* Row k of the gates before their activation: from the input, from a hidden state. */
static double from_input(const cell *u, int64_t k) {
  return dot(u->inputs, u->w + k * u->inputs, u->x) + u->wb[k];
}
static double from_hidden(const cell *u, int64_t k, const double *h) {
  return dot(u->hidden, u->r + k * u->hidden, h) + u->rb[k];
}

static void lstm_step(cell *u) {
  const int64_t n = u->hidden;
  for (int64_t k = 0; k < 4 * n; k++) u->gate[k] = from_input(u, k) + from_hidden(u, k, u->h);
  for (int64_t j = 0; j < n; j++) {
    const double *p = u->peephole + j;
    const double in = apply(u, 0, u->gate[j] + p[0] * u->c[j]);
    const double forget = u->attr->input_forget ? 1 - in : apply(u, 0, u->gate[2 * n + j] + p[2 * n] * u->c[j]);
    u->c[j] = forget * u->c[j] + in * apply(u, 1, u->gate[3 * n + j]);
    u->h[j] = apply(u, 0, u->gate[n + j] + p[n] * u->c[j]) * apply(u, 2, u->c[j]);
  }
}

static void gru_step(cell *u) {
  const int64_t n = u->hidden;
  for (int64_t k = 0; k < 2 * n; k++) u->gate[k] = apply(u, 0, from_input(u, k) + from_hidden(u, k, u->h));
  for (int64_t j = 0; j < n; j++) u->reset[j] = u->gate[n + j] * u->h[j];
  for (int64_t k = 2 * n; k < 3 * n; k++) {
    const double recurrent = u->attr->linear_before_reset ? u->gate[k - n] * from_hidden(u, k, u->h) : from_hidden(u, k, u->reset);
    u->gate[k] = apply(u, 1, from_input(u, k) + recurrent);
  }
  for (int64_t j = 0; j < n; j++) u->h[j] = (1 - u->gate[j]) * u->gate[2 * n + j] + u->gate[j] * u->h[j];
}

static void rnn_step(cell *u) {
  for (int64_t j = 0; j < u->hidden; j++) u->gate[j] = apply(u, 0, from_input(u, j) + from_hidden(u, j, u->h));
  memcpy(u->h, u->gate, (size_t)u->hidden * sizeof *u->h);
}

static void step(cell *u) {
  if (u->row->kind == CVK_OP_LSTM)
    lstm_step(u);
  else if (u->row->kind == CVK_OP_GRU)
    gru_step(u);
  else
    rnn_step(u);
}

/* ---- sequences ---- */

/* n elements of input i from `first` on; zeros where it is absent. */
static void load(const cvk_op *op, const void *const *in, int32_t i, int64_t first, int64_t n, double *to) {
  const cvk_tensor_desc *d = i < op->n_in ? op->in[i] : NULL;
  if (d != NULL)
    cvk_load_reals(d->dtype, in[i], first, 1, n, to);
  else
    memset(to, 0, (size_t)n * sizeof *to);
}

/* To free(): the memory behind all arrays of the cell. NULL: there is none. */
static double *make_cell(const cvk_op *op, const void *const *in, int32_t direction, cell *u) {
  const cvk_recurrent_attr *attr = op->attr;
  const kind_row *row = find_kind(op->kind);
  const int64_t n = attr->hidden_size, inputs = op->in[X]->dim[2], rows = row->gates * n;
  const int64_t sizes[] = {rows * inputs, rows * n, rows, rows, 3 * n, inputs, n, n, rows, n};
  int64_t total = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) total += sizes[i]; /* each is of a tensor in memory, or smaller */
  double *memory = calloc((size_t)total + 1, sizeof *memory), *at = memory;
  if (memory == NULL) return NULL;
  *u = (cell){.attr = attr, .row = row, .first = direction * row->n_functions, .inputs = inputs, .hidden = n};
  double **const parts[] = {&u->w, &u->r, &u->wb, &u->rb, &u->peephole, &u->x, &u->h, &u->c, &u->gate, &u->reset};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    *parts[i] = at;
    at += sizes[i];
  }
  load(op, in, W, direction * rows * inputs, rows * inputs, u->w);
  load(op, in, R, direction * rows * n, rows * n, u->r);
  load(op, in, B, direction * 2 * rows, rows, u->wb);
  load(op, in, B, direction * 2 * rows + rows, rows, u->rb);
  load(op, in, PEEPHOLES, direction * 3 * n, 3 * n, u->peephole);
  return memory;
}

static void store(const cvk_op *op, void *const *out, int32_t i, int64_t first, int64_t n, const double *v) {
  if (i < op->n_out && out[i] != NULL) cvk_store_reals(op->in[X]->dtype, out[i], first, 1, n, v);
}

static void run_sequence(const cvk_op *op, cell *u, int32_t direction, int64_t b, int64_t length, const void *const *in, void *const *out) {
  const int64_t n = u->hidden, directions = u->attr->direction == CVK_BIDIRECTIONAL ? 2 : 1, batch_first = u->attr->layout;
  const int64_t time = op->in[X]->dim[batch_first], batch = op->in[X]->dim[1 - batch_first];
  const int32_t backwards = u->attr->direction == CVK_REVERSE || direction == 1;
  const int64_t state = (batch_first ? b * directions + direction : direction * batch + b) * n;
  load(op, in, FIRST_H, state, n, u->h);
  load(op, in, FIRST_C, state, n, u->c);
  for (int64_t k = 0; k < time; k++) {
    const int64_t t = k < length && backwards ? length - 1 - k : k;
    const int64_t y = (batch_first ? (b * time + t) * directions + direction : (t * directions + direction) * batch + b) * n;
    if (k < length) {
      load(op, in, X, (batch_first ? b * time + t : t * batch + b) * u->inputs, u->inputs, u->x);
      step(u);
      store(op, out, Y, y, n, u->h);
    } else {
      memset(u->gate, 0, (size_t)n * sizeof *u->gate);
      store(op, out, Y, y, n, u->gate);
    }
  }
  store(op, out, LAST_H, state, n, u->h);
  store(op, out, LAST_C, state, n, u->c);
}

cvk_status cvk_ref_recurrent(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_recurrent_attr *attr = op->attr;
  const int64_t time = op->in[X]->dim[attr->layout], batch = op->in[X]->dim[1 - attr->layout];
  if (attr->hidden_size == 0) return CVK_OK;
  const int32_t given = op->n_in > LENGTHS && op->in[LENGTHS] != NULL;
  for (int32_t direction = 0; direction < (attr->direction == CVK_BIDIRECTIONAL ? 2 : 1); direction++) {
    cell u;
    cvk_status s = CVK_OK;
    double *memory = make_cell(op, in, direction, &u);
    if (memory == NULL) return cvk_fail(CVK_NO_MEMORY, "%s: no memory for the weights in double", cvk_op_def_find(op->kind)->name);
    for (int64_t b = 0; s == CVK_OK && b < batch; b++) {
      int64_t length = time;
      if (given) cvk_load_ints(op->in[LENGTHS]->dtype, in[LENGTHS], b, 1, 1, &length);
      if (length < 0 || length > time)
        s = cvk_fail(CVK_INVALID_ARGUMENT, "%s: length %lld (batch %lld), allowed 0 to %lld", cvk_op_def_find(op->kind)->name,
                     (long long)length, (long long)b, (long long)time);
      else
        run_sequence(op, &u, direction, b, length, in, out);
    }
    free(memory);
    if (s != CVK_OK) return s;
  }
  return CVK_OK;
}
