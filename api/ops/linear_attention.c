/* SPDX-License-Identifier: Apache-2.0 */
/* linear_attention.c: LINEAR_ATTENTION, attention whose state is a matrix [dk, dv] a head that each token decays, corrects and adds to
 * (ONNX LinearAttention): S = exp(g) S; v = beta (v - S^T k) with the delta rule; S = S + k v^T; o = scale q^T S. The columns of S do not
 * meet, so one column goes through all tokens at a time. In double. */
#include <math.h>
#include <stdlib.h>

#include "element.h"
#include "ops_internal.h"

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA };

typedef struct sizes {
  int64_t batch, tokens, q_heads, heads, dk, dv; /* heads: of keys and values */
} sizes;

static sizes sizes_of(const cvk_tensor_desc *const *in, const cvk_linear_attention_attr *a) {
  return (sizes){
      in[QUERY]->dim[0], in[QUERY]->dim[1], a->q_heads, a->kv_heads, in[QUERY]->dim[2] / a->q_heads, in[VALUE]->dim[2] / a->kv_heads};
}

static cvk_status check_input(const cvk_op_call *call, int32_t i, const char *name, int64_t last, int64_t other) {
  const cvk_tensor_desc *x = call->in[i], *q = call->in[QUERY];
  char text[CVK_DIMS_TEXT];
  if (x->dtype != q->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "linear_attention: %s is %s, query is %s; both must be of one type", name,
                    cvk_dtype_name(x->dtype), cvk_dtype_name(q->dtype));
  if (x->rank == 3 && x->dim[0] == q->dim[0] && x->dim[1] == q->dim[1] && (x->dim[2] == last || x->dim[2] == other)) return CVK_OK;
  return cvk_fail(CVK_INVALID_SHAPE, "linear_attention: %s has shape %s, expected [%lld,%lld,%lld] (or %lld last)", name,
                  cvk_dims_text(x->rank, x->dim, text), (long long)q->dim[0], (long long)q->dim[1], (long long)last, (long long)other);
}

cvk_status cvk_infer_linear_attention(cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_linear_attention_attr *a = &call->attr->linear_attention;
  const cvk_tensor_desc *q = call->in[QUERY];
  const cvk_tensor_desc *const past = call->n_in > PAST ? call->in[PAST] : NULL;
  const int32_t has_decay = call->n_in > DECAY && call->in[DECAY], has_beta = call->n_in > BETA && call->in[BETA];
  char text[CVK_DIMS_TEXT];
  cvk_status s = cvk_require_dtype(call, QUERY, 4, floats);
  if (s == CVK_OK && past) s = cvk_require_dtype(call, PAST, 4, floats);
  if (s != CVK_OK) return s;
  if (a->q_heads < 1 || a->kv_heads < 1 || a->q_heads % a->kv_heads != 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "linear_attention: %lld heads of the query cannot share %lld of the keys evenly",
                    (long long)a->q_heads, (long long)a->kv_heads);
  if (a->rule < 0 || a->rule > (CVK_RULE_GATED | CVK_RULE_DELTA))
    return cvk_fail(CVK_INVALID_ARGUMENT, "linear_attention: rule is %d, allowed 0 to 3", a->rule);
  if (has_decay != (a->rule & CVK_RULE_GATED) || has_beta != (a->rule & CVK_RULE_DELTA) / CVK_RULE_DELTA)
    return cvk_fail(CVK_INVALID_ARGUMENT, "linear_attention: rule %d takes %s decay and %s beta, given are %d and %d", a->rule,
                    a->rule & CVK_RULE_GATED ? "a" : "no", a->rule & CVK_RULE_DELTA ? "a" : "no", has_decay, has_beta);
  if (q->rank != 3 || q->dim[2] % a->q_heads != 0 || call->in[VALUE]->rank != 3 || call->in[VALUE]->dim[2] % a->kv_heads != 0)
    return cvk_fail(CVK_INVALID_SHAPE,
                    "linear_attention: query has shape %s and %lld heads; both query and value are [batch,tokens,heads d]",
                    cvk_dims_text(q->rank, q->dim, text), (long long)a->q_heads);
  const sizes z = sizes_of(call->in, a);
  s = check_input(call, KEY, "key", z.heads * z.dk, z.heads * z.dk);
  if (s == CVK_OK) s = check_input(call, VALUE, "value", z.heads * z.dv, z.heads * z.dv);
  if (s == CVK_OK && has_decay) s = check_input(call, DECAY, "decay", z.heads, z.heads * z.dk);
  if (s == CVK_OK && has_beta) s = check_input(call, BETA, "beta", z.heads, 1);
  const int64_t state[] = {z.batch, z.heads, z.dk, z.dv};
  if (s == CVK_OK && past)
    for (int32_t i = 0; i < 4; i++)
      if (past->rank != 4 || past->dim[i] != state[i])
        return cvk_fail(CVK_INVALID_SHAPE, "linear_attention: past_state has shape %s, expected [%lld,%lld,%lld,%lld]",
                        cvk_dims_text(past->rank, past->dim, text), (long long)state[0], (long long)state[1], (long long)state[2],
                        (long long)state[3]);
  if (s == CVK_OK)
    s = cvk_desc_set(&call->out[0], "linear_attention: output", q->dtype, 3, (const int64_t[]){z.batch, z.tokens, z.q_heads * z.dv});
  if (s == CVK_OK && call->n_out > 1)
    s = cvk_desc_set(&call->out[1], "linear_attention: present_state", past ? past->dtype : q->dtype, 4, state);
  return s;
}

typedef struct run {
  const cvk_op *op;
  const void *const *in;
  void *const *out;
  sizes z;
  double scale;
  double *state, *key, *decay, *query; /* dk each */
} run;

static int has(const run *r, int32_t i) {
  return i < r->op->n_in && r->op->in[i] != NULL;
}

/* The number at head h of token t in an input that has one a head, or one for all. */
static double head_number(const run *r, int32_t i, int64_t b, int64_t t, int64_t h) {
  const int64_t n = r->op->in[i]->dim[2];
  return cvk_load_real(r->op->in[i]->dtype, r->in[i], (b * r->z.tokens + t) * n + (n == 1 ? 0 : h));
}

static void load_decay(const run *r, int64_t b, int64_t t, int64_t h) {
  const sizes *z = &r->z;
  const cvk_tensor_desc *g = r->op->in[DECAY];
  if (g->dim[2] == z->heads * z->dk)
    cvk_load_reals(g->dtype, r->in[DECAY], (b * z->tokens + t) * g->dim[2] + h * z->dk, 1, z->dk, r->decay);
  else
    for (int64_t d = 0; d < z->dk; d++) r->decay[d] = head_number(r, DECAY, b, t, h);
  for (int64_t d = 0; d < z->dk; d++) r->decay[d] = exp(r->decay[d]);
}

/* Column m of head h's state through token t. */
static void step(const run *r, int64_t b, int64_t t, int64_t h, int64_t m) {
  const sizes *z = &r->z;
  const int64_t row = b * z->tokens + t, group = z->q_heads / z->heads;
  double v = cvk_load_real(r->op->in[VALUE]->dtype, r->in[VALUE], (row * z->heads + h) * z->dv + m);
  cvk_load_reals(r->op->in[KEY]->dtype, r->in[KEY], (row * z->heads + h) * z->dk, 1, z->dk, r->key);
  if (has(r, DECAY)) {
    load_decay(r, b, t, h);
    for (int64_t d = 0; d < z->dk; d++) r->state[d] *= r->decay[d];
  }
  if (has(r, BETA)) {
    for (int64_t d = 0; d < z->dk; d++) v -= r->state[d] * r->key[d];
    v *= head_number(r, BETA, b, t, h);
  }
  for (int64_t d = 0; d < z->dk; d++) r->state[d] += r->key[d] * v;
  for (int64_t g = 0; g < group && r->out[0]; g++) {
    const int64_t head = row * z->q_heads + h * group + g;
    double sum = 0;
    cvk_load_reals(r->op->in[QUERY]->dtype, r->in[QUERY], head * z->dk, 1, z->dk, r->query);
    for (int64_t d = 0; d < z->dk; d++) sum += r->query[d] * r->state[d];
    cvk_store_real(r->op->out[0]->dtype, r->out[0], head * z->dv + m, r->scale * sum);
  }
}

static void column(const run *r, int64_t b, int64_t h, int64_t m) {
  const sizes *z = &r->z;
  const int64_t first = (b * z->heads + h) * z->dk * z->dv + m;
  for (int64_t d = 0; d < z->dk; d++) r->state[d] = 0;
  if (has(r, PAST)) cvk_load_reals(r->op->in[PAST]->dtype, r->in[PAST], first, z->dv, z->dk, r->state);
  for (int64_t t = 0; t < z->tokens; t++) step(r, b, t, h, m);
  if (r->op->n_out > 1 && r->out[1]) cvk_store_reals(r->op->out[1]->dtype, r->out[1], first, z->dv, z->dk, r->state);
}

cvk_status cvk_ref_linear_attention(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_linear_attention_attr *a = op->attr;
  run r = {.op = op, .in = in, .out = out, .z = sizes_of(op->in, a)};
  r.scale = a->scale != 0 ? (double)a->scale : 1 / sqrt((double)r.z.dk);
  double *room = calloc((size_t)r.z.dk + 1, 4 * sizeof *room);
  if (room == NULL) return cvk_fail(CVK_NO_MEMORY, "linear_attention: no memory for %lld numbers", (long long)r.z.dk * 4);
  r.state = room;
  r.key = room + r.z.dk;
  r.decay = room + 2 * r.z.dk;
  r.query = room + 3 * r.z.dk;
  for (int64_t b = 0; b < r.z.batch; b++)
    for (int64_t h = 0; h < r.z.heads; h++)
      for (int64_t m = 0; m < r.z.dv; m++) column(&r, b, h, m);
  free(room);
  return CVK_OK;
}
