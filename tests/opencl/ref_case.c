/* SPDX-License-Identifier: Apache-2.0 */
/* ref_case.c: see ref_case.h. */
#include "ref_case.h"

#include <math.h>
#include <stdlib.h>

#define MAX_OUT 5

case_tensor case_new(int32_t dtype, int32_t rank, const int64_t *dim) {
  case_tensor t = {.desc = {.struct_size = sizeof t.desc, .dtype = dtype, .rank = rank}};
  for (int32_t i = 0; i < rank; i++) t.desc.dim[i] = dim[i];
  t.data = calloc(1, (size_t)cvk_desc_bytes(&t.desc) + 1);
  ck_assert_ptr_nonnull(t.data);
  return t;
}

case_tensor case_random(int32_t rank, const int64_t *dim, uint32_t seed) {
  case_tensor t = case_new(CVK_F32, rank, dim);
  mini_random(t.data, cvk_count(rank, dim), seed);
  return t;
}

case_tensor case_floats(int32_t rank, const int64_t *dim, const float *v) {
  case_tensor t = case_new(CVK_F32, rank, dim);
  memcpy(t.data, v, (size_t)cvk_desc_bytes(&t.desc));
  return t;
}

case_tensor case_longs(int32_t n, const int64_t *v) {
  case_tensor t = case_new(CVK_I64, 1, &(int64_t){n});
  memcpy(t.data, v, (size_t)n * sizeof *v);
  return t;
}

case_tensor case_typed(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed) {
  case_tensor t = case_new(dtype, rank, dim);
  uint8_t *p = t.data;
  const uint64_t bytes = cvk_desc_bytes(&t.desc), size = cvk_dtype_bytes(dtype);
  for (uint64_t i = 0; i < bytes; i++) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = (uint8_t)(dtype == CVK_BOOL ? seed >> 24 & 1 : i % size == 0 || dtype == CVK_I64 || dtype == CVK_I32 ? seed >> 24 : 0);
  }
  return t;
}

void case_free(case_tensor *t) {
  free(t->data);
}

typedef struct resolved {
  cvk_any_attr attr;
  cvk_tensor_desc out[MAX_OUT], in[16];
  void *want[MAX_OUT];
} resolved;

static const cvk_op_def *resolve(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, resolved *r) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  const cvk_tensor_desc *desc[16];
  ck_assert_ptr_nonnull(def);
  memset(r, 0, sizeof *r);
  for (int32_t i = 0; i < n_in; i++) {
    if (in[i]) {
      r->in[i] = in[i]->desc;
      r->in[i].const_data = in[i]->data;
    }
    desc[i] = in[i] ? &r->in[i] : NULL;
  }
  ck_ok(cvk_op_resolve(kind, attr, n_in, desc, n_out, r->out, &r->attr));
  return def;
}

static void run_reference(const cvk_op_def *def, int32_t n_in, const case_tensor *const *in, int32_t n_out, resolved *r) {
  const cvk_tensor_desc *in_desc[16], *out_desc[MAX_OUT];
  const void *in_data[16];
  for (int32_t i = 0; i < n_in; i++) {
    in_desc[i] = in[i] ? &r->in[i] : NULL;
    in_data[i] = in[i] ? in[i]->data : NULL;
  }
  for (int32_t i = 0; i < n_out; i++) {
    out_desc[i] = &r->out[i];
    r->want[i] = calloc(1, (size_t)cvk_desc_bytes(&r->out[i]) + 1);
  }
  const cvk_op op = {.struct_size = sizeof op,
                     .kind = def->kind,
                     .n_in = n_in,
                     .n_out = n_out,
                     .in = in_desc,
                     .out = out_desc,
                     .attr = def->attr_bytes ? &r->attr : NULL};
  ck_ok(def->reference(&op, in_data, r->want));
}

/* The post-op on the reference's output 0, in place. */
static void apply(const cvk_post_op *post, resolved *r) {
  const cvk_tensor_desc *desc = &r->out[0];
  const cvk_op op = {.struct_size = sizeof op, .kind = post->kind, .n_in = 1, .n_out = 1, .in = &desc, .out = &desc, .attr = post->attr};
  const void *in = r->want[0];
  ck_ok(cvk_op_def_find(post->kind)->reference(&op, &in, r->want));
}

static void fill_mini(mini_op *op, int32_t kind, int32_t n_in, const case_tensor *const *in, int32_t n_out, const resolved *r,
                      uint32_t constants, uint32_t absent) {
  *op = (mini_op){.kind = kind, .attr = cvk_op_def_find(kind)->attr_bytes ? &r->attr : NULL, .n_in = n_in, .n_out = n_out};
  for (int32_t i = 0; i < n_in; i++) {
    if (!in[i]) continue;
    op->in[i] = (mini_tensor){.dtype = in[i]->desc.dtype, .rank = in[i]->desc.rank, .data = in[i]->data, .constant = constants >> i & 1};
    memcpy(op->in[i].dim, in[i]->desc.dim, sizeof op->in[i].dim);
  }
  for (int32_t i = 0; i < n_out; i++) {
    op->out[i] = (mini_tensor){.dtype = r->out[i].dtype, .rank = r->out[i].rank};
    memcpy(op->out[i].dim, r->out[i].dim, sizeof op->out[i].dim);
    if (!(absent >> i & 1)) op->out[i].data = calloc(1, (size_t)cvk_desc_bytes(&r->out[i]) + 1);
  }
}

static void compare_floats(const char *row, const float *got, const float *want, int64_t n, const case_options *o) {
  for (int64_t i = 0; i < n; i++) {
    const double g = got[i], w = want[i];
    const int fits =
        isnan(w) || isnan(g) ? isnan(w) && isnan(g) : g == w || (!isinf(w) && fabs(g - w) <= o->absolute + o->relative * fabs(w));
    if (!fits) ck_abort_msg("%s: [%lld] is %.9g, want %.9g (error %.3g)", row, (long long)i, g, w, fabs(g - w));
  }
}

static int half_is_nan(const uint8_t *p) {
  return (p[1] & 0x7c) == 0x7c && ((p[1] & 3) | p[0]) != 0;
}

static void compare_bytes(const char *row, const uint8_t *got, const uint8_t *want, uint64_t bytes, int32_t dtype) {
  for (uint64_t i = 0; i < bytes; i++)
    if (got[i] != want[i] && !(dtype == CVK_F16 && half_is_nan(got + i / 2 * 2) && half_is_nan(want + i / 2 * 2)))
      ck_abort_msg("%s: byte %llu of an output of type %d is %d, want %d", row, (unsigned long long)i, dtype, got[i], want[i]);
}

void case_check(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, const char *const *rows,
                const case_options *options) {
  resolved r;
  const cvk_op_def *def = resolve(kind, attr, n_in, in, n_out, &r);
  const cvk_post_op post = {.struct_size = sizeof post, .kind = options->post, .input = -1, .attr = options->post_attr};
  run_reference(def, n_in, in, n_out, &r);
  if (options->post) apply(&post, &r);
  for (; *rows; rows++) {
    mini_op op;
    fill_mini(&op, kind, n_in, in, n_out, &r, options->constants, options->absent_outputs);
    if (options->post) op.post[op.n_post++] = &post;
    const cvk_status status = mini_run(*rows, &op);
    ck_assert_msg(status == CVK_OK, "%s on %s: %d: %s", *rows, def->name, status, mini_message());
    for (int32_t i = 0; i < n_out; i++) {
      if (!op.out[i].data) continue;
      if (r.out[i].dtype == CVK_F32)
        compare_floats(*rows, op.out[i].data, r.want[i], cvk_count(r.out[i].rank, r.out[i].dim), options);
      else
        compare_bytes(*rows, op.out[i].data, r.want[i], cvk_desc_bytes(&r.out[i]), r.out[i].dtype);
      free(op.out[i].data);
    }
  }
  for (int32_t i = 0; i < n_out; i++) free(r.want[i]);
}

void case_check1(int32_t kind, const void *attr, const case_tensor *x, const char *const *rows, double relative) {
  case_check(kind, attr, 1, &x, 1, rows, &(case_options){.relative = relative, .absolute = relative});
}

void case_refused(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, const char *text) {
  resolved r;
  mini_op op;
  resolve(kind, attr, n_in, in, n_out, &r);
  fill_mini(&op, kind, n_in, in, n_out, &r, 0, 0);
  ck_assert_int_eq(mini_run(NULL, &op), CVK_UNSUPPORTED);
  ck_assert_msg(strstr(mini_message(), text) != NULL, "message lacks '%s': %s", text, mini_message());
  for (int32_t i = 0; i < n_out; i++) free(op.out[i].data);
}
