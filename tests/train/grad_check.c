/* SPDX-License-Identifier: Apache-2.0 */
/* grad_check.c: see grad_check.h. */
#include "grad_check.h"

#include <convoke/train.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct built {
  const grad_case *c;
  int32_t dtype;
  cvk_context *ctx;
  cvk_graph *g;
  cvk_session *session;
  int32_t n_in, n_x;          /* of the op; of the graph: those differentiated */
  int32_t which[GRAD_INPUTS]; /* an input of the graph: which of the op's */
  cvk_tensor *x[GRAD_INPUTS];
  double *v[GRAD_INPUTS];
  int32_t n_results, result[GRAD_INPUTS]; /* gradients that are there, behind the loss */
} built;

static int64_t common_divisor(int64_t a, int64_t b) {
  return b == 0 ? a : common_divisor(b, a % b);
}

void grad_fill(double *v, int64_t n, double lo, double hi, int32_t salt) {
  int64_t step = 7;
  if (lo == 0 && hi == 0) lo = -1, hi = 1;
  while (n > 0 && common_divisor(n, step) != 1) step += 2;
  for (int64_t i = 0; i < n; i++) v[i] = lo + (hi - lo) * ((double)((i * step + 3 + salt) % n) + 0.37 + 0.05 * salt) / (double)n;
}

static const char *numbered(const char *letter, int32_t i) {
  static char name[16];
  snprintf(name, sizeof name, "%s%d", letter, i);
  return name;
}

static void *as_type(const double *v, int64_t n, int32_t dtype) {
  void *out = calloc((size_t)n + 1, sizeof(double));
  for (int64_t i = 0; i < n; i++) {
    if (dtype == CVK_F64)
      ((double *)out)[i] = v[i];
    else
      ((float *)out)[i] = (float)v[i];
  }
  return out;
}

static cvk_tensor *tensor_of(int32_t dtype, int32_t rank, const int64_t *dim, const double *v) {
  cvk_tensor *t = NULL;
  void *data = as_type(v, cvk_count(rank, dim), dtype);
  ck_ok(cvk_tensor_create(NULL, dtype, rank, dim, data, &t));
  free(data);
  return t;
}

static cvk_value constant(cvk_graph *g, cvk_tensor *t) {
  cvk_value v;
  ck_ok(cvk_graph_constant(g, NULL, t, &v));
  cvk_tensor_release(t);
  return v;
}

static cvk_value int_input(cvk_graph *g, const grad_input *in) {
  const int64_t n = cvk_count(in->rank, in->dim);
  uint8_t *flags = calloc((size_t)n + 1, 1);
  cvk_tensor *t = NULL;
  for (int64_t i = 0; i < n; i++) flags[i] = in->ints[i] != 0;
  ck_ok(cvk_tensor_create(NULL, in->dtype ? in->dtype : CVK_I64, in->rank, in->dim, in->dtype == CVK_BOOL ? (const void *)flags : in->ints,
                          &t));
  free(flags);
  return constant(g, t);
}

cvk_value grad_constant(cvk_graph *g, int32_t dtype, int32_t rank, const int64_t *dim, int32_t salt) {
  const int64_t n = cvk_count(rank, dim);
  double *v = calloc((size_t)n + 1, sizeof *v);
  grad_fill(v, n, -1, 1.25, salt);
  const cvk_value out = constant(g, tensor_of(dtype, rank, dim, v));
  free(v);
  return out;
}

cvk_value grad_weighted_sum(cvk_graph *g, int32_t dtype, cvk_value y, int32_t rank, const int64_t *dim, int32_t salt) {
  cvk_value product, sum;
  ck_ok(cvk_graph_mul(g, y, grad_constant(g, dtype, rank, dim, salt), &product));
  ck_ok(cvk_graph_reduce_sum(g, product, NULL, &sum));
  return sum;
}

static void add_inputs(built *b, cvk_value *in) {
  for (int32_t i = 0; i < b->n_in; i++) {
    const grad_input *d = &b->c->in[i];
    in[i] = CVK_NO_VALUE;
    if (d->rank >= 0 && d->ints)
      in[i] = int_input(b->g, d);
    else if (d->rank >= 0)
      ck_ok(cvk_graph_input(b->g, numbered("x", i), b->dtype, d->rank, d->dim, &in[i]));
  }
}

static int32_t outputs_of(const grad_case *c) {
  return c->n_out ? c->n_out : 1;
}

static void add_op(built *b, const cvk_value *in, cvk_value *out) {
  ck_ok(cvk_graph_op(b->g, b->c->kind, b->c->attr, b->n_in, in, outputs_of(b->c), out, b->c->name));
}

static cvk_session *session_of(cvk_graph *g, const char *device) {
  cvk_session *s = NULL;
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device}, &s));
  return s;
}

/* The op alone, run once, says the shapes of its outputs. */
static void probe_outputs(const built *like, cvk_tensor **y) {
  built b = *like;
  cvk_value in[GRAD_INPUTS], out[GRAD_OUTPUTS];
  ck_ok(cvk_graph_create(b.ctx, &b.g));
  add_inputs(&b, in);
  add_op(&b, in, out);
  for (int32_t i = 0; i < outputs_of(b.c); i++) ck_ok(cvk_graph_output(b.g, out[i], numbered("y", i)));
  cvk_session *s = session_of(b.g, "reference");
  const cvk_status status = cvk_session_run(s, b.n_x, b.x, outputs_of(b.c), y);
  ck_assert_msg(status == CVK_OK, "%s: %s", b.c->name, cvk_error_message());
  cvk_session_release(s);
  cvk_graph_release(b.g);
}

static cvk_value loss_of_op(built *b, const cvk_value *in) {
  cvk_tensor *y[GRAD_OUTPUTS] = {NULL};
  cvk_value out[GRAD_OUTPUTS], loss = CVK_NO_VALUE;
  probe_outputs(b, y);
  add_op(b, in, out);
  for (int32_t i = 0; i < outputs_of(b->c); i++) {
    if (cvk_tensor_dtype(y[i]) == b->dtype && (b->c->n_loss == 0 || i < b->c->n_loss)) {
      const cvk_value part = grad_weighted_sum(b->g, b->dtype, out[i], cvk_tensor_rank(y[i]), cvk_tensor_dims(y[i]), i);
      if (loss == CVK_NO_VALUE)
        loss = part;
      else
        ck_ok(cvk_graph_add(b->g, loss, part, &loss));
    }
    cvk_tensor_release(y[i]);
  }
  return loss;
}

static void build(built *b, const grad_case *c, int32_t dtype, const char *device) {
  cvk_value in[GRAD_INPUTS], asked[GRAD_INPUTS], gradients[GRAD_INPUTS], loss;
  *b = (built){.c = c, .dtype = dtype, .n_in = c->n_in};
  ck_ok(cvk_context_create(&(cvk_context_options){.backends = "cpu", .num_threads = 1}, &b->ctx));
  for (int32_t i = 0; i < b->n_in; i++) {
    const grad_input *d = &c->in[i];
    if (d->rank < 0 || d->ints) continue;
    const int64_t n = cvk_count(d->rank, d->dim);
    double *v = b->v[b->n_x] = calloc((size_t)n + 1, sizeof *v);
    grad_fill(v, n, d->lo, d->hi, i);
    b->which[b->n_x] = i;
    b->x[b->n_x++] = tensor_of(dtype, d->rank, d->dim, v);
  }
  ck_ok(cvk_graph_create(b->ctx, &b->g));
  add_inputs(b, in);
  loss = c->build ? c->build(b->g, dtype, in) : loss_of_op(b, in);
  for (int32_t k = 0; k < b->n_x; k++) asked[k] = in[b->which[k]];
  const cvk_status status = cvk_graph_gradients(b->g, loss, b->n_x, asked, gradients);
  ck_assert_msg(status == CVK_OK, "%s: %s", c->name, cvk_error_message());
  ck_ok(cvk_graph_output(b->g, loss, "loss"));
  for (int32_t k = 0; k < b->n_x; k++) {
    b->result[k] = gradients[k] == CVK_NO_VALUE ? -1 : ++b->n_results;
    if (gradients[k] != CVK_NO_VALUE) ck_ok(cvk_graph_output(b->g, gradients[k], numbered("g", k)));
  }
  b->session = session_of(b->g, device);
}

/* Runs; out[0] is the loss, the rest the gradients. The caller releases them. */
static void run(built *b, cvk_tensor **out) {
  for (int32_t i = 0; i <= b->n_results; i++) out[i] = NULL;
  const cvk_status status = cvk_session_run(b->session, b->n_x, b->x, b->n_results + 1, out);
  ck_assert_msg(status == CVK_OK, "%s: %s", b->c->name, cvk_error_message());
}

static double loss_at(built *b, int32_t k, int64_t i, double v) {
  cvk_tensor *out[GRAD_INPUTS + 1], *kept = b->x[k];
  const double old = b->v[k][i];
  double loss;
  b->v[k][i] = v;
  b->x[k] = tensor_of(CVK_F64, cvk_tensor_rank(kept), cvk_tensor_dims(kept), b->v[k]);
  run(b, out);
  ck_ok(cvk_tensor_read(out[0], &loss, sizeof loss));
  for (int32_t o = 0; o <= b->n_results; o++) cvk_tensor_release(out[o]);
  cvk_tensor_release(b->x[k]);
  b->x[k] = kept;
  b->v[k][i] = old;
  return loss;
}

/* The gradient of input k as doubles; zeros where there is none. */
static double *gradient_of(const built *b, int32_t k, cvk_tensor *const *out) {
  const int64_t n = cvk_tensor_count(b->x[k]);
  double *v = calloc((size_t)n + 1, sizeof *v);
  if (b->result[k] < 0) return v;
  const cvk_tensor *t = out[b->result[k]];
  ck_assert_msg(cvk_tensor_rank(t) == cvk_tensor_rank(b->x[k]), "%s: input %d: rank %d", b->c->name, b->which[k], cvk_tensor_rank(t));
  for (int32_t a = 0; a < cvk_tensor_rank(t); a++)
    ck_assert_msg(cvk_tensor_dims(t)[a] == cvk_tensor_dims(b->x[k])[a], "%s: input %d: extent %lld on axis %d", b->c->name, b->which[k],
                  (long long)cvk_tensor_dims(t)[a], a);
  ck_assert_int_eq(cvk_tensor_dtype(t), b->dtype);
  if (b->dtype == CVK_F64) {
    ck_ok(cvk_tensor_read(t, v, cvk_tensor_bytes(t)));
  } else {
    float *narrow = calloc((size_t)n + 1, sizeof *narrow);
    ck_ok(cvk_tensor_read(t, narrow, cvk_tensor_bytes(t)));
    for (int64_t i = 0; i < n; i++) v[i] = (double)narrow[i];
    free(narrow);
  }
  return v;
}

static double largest_of(const double *v, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
  return most;
}

static void against_differences(built *b, int32_t k, const double *got) {
  const int64_t n = cvk_tensor_count(b->x[k]);
  double *want = calloc((size_t)n + 1, sizeof *want);
  for (int64_t i = 0; i < n; i++) {
    const double x = b->v[k][i], up = x + 0x1p-17, down = x - 0x1p-17;
    want[i] = (loss_at(b, k, i, up) - loss_at(b, k, i, down)) / (up - down);
  }
  const double bound = 1e-7 * largest_of(want, n) + 1e-9;
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(fabs(got[i] - want[i]) <= bound, "%s: input %d, element %lld at %.9g: gradient %.12g, differences %.12g", b->c->name,
                  b->which[k], (long long)i, b->v[k][i], got[i], want[i]);
  free(want);
}

static void finish(built *b, cvk_tensor **out) {
  for (int32_t o = 0; o <= b->n_results; o++) cvk_tensor_release(out[o]);
  for (int32_t k = 0; k < b->n_x; k++) {
    cvk_tensor_release(b->x[k]);
    free(b->v[k]);
  }
  cvk_session_release(b->session);
  cvk_graph_release(b->g);
  cvk_context_release(b->ctx);
}

void grad_check(const grad_case *given) {
  grad_case c = *given;
  while (c.n_in < GRAD_INPUTS && (c.in[c.n_in].rank != 0 || c.in[c.n_in].hi != 0 || c.in[c.n_in].ints)) c.n_in++;
  built exact, narrow;
  cvk_tensor *out[GRAD_INPUTS + 1], *narrow_out[GRAD_INPUTS + 1];
  build(&exact, &c, CVK_F64, "reference");
  build(&narrow, &c, CVK_F32, "cpu");
  run(&exact, out);
  run(&narrow, narrow_out);
  for (int32_t k = 0; k < exact.n_x; k++) {
    double *got = gradient_of(&exact, k, out), *other = gradient_of(&narrow, k, narrow_out);
    const int64_t n = cvk_tensor_count(exact.x[k]);
    const double bound = 1e-5 * (1 + largest_of(got, n));
    against_differences(&exact, k, got);
    for (int64_t i = 0; i < n; i++)
      ck_assert_msg(fabs(got[i] - other[i]) <= bound, "%s: input %d, element %lld: %.9g on the reference, %.9g on the cpu", c.name,
                    exact.which[k], (long long)i, got[i], other[i]);
    free(got);
    free(other);
  }
  finish(&exact, out);
  finish(&narrow, narrow_out);
}
