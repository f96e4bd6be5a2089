/* SPDX-License-Identifier: Apache-2.0 */
/* ref_run.c: see ref_run.h. */
#include "ref_run.h"

#include <math.h>
#include <stdlib.h>

static cvk_tensor_desc desc_of(int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = dtype, .rank = rank};
  for (int32_t i = 0; i < rank; i++) d.dim[i] = dim[i];
  return d;
}

static void *exact_alloc(const cvk_tensor_desc *d) {
  const uint64_t bytes = cvk_desc_bytes(d);
  ck_assert_uint_ne(bytes, UINT64_MAX);
  void *p = calloc(1, bytes ? (size_t)bytes : 1);
  ck_assert_ptr_nonnull(p);
  return p;
}

ref_tensor ref_new(int32_t dtype, int32_t rank, const int64_t *dim) {
  ref_tensor t = {desc_of(dtype, rank, dim), NULL};
  t.data = exact_alloc(&t.desc);
  return t;
}

ref_tensor ref_of(int32_t dtype, int32_t rank, const int64_t *dim, const void *elements) {
  ref_tensor t = ref_new(dtype, rank, dim);
  const size_t bytes = (size_t)cvk_desc_bytes(&t.desc);
  if (bytes > 0) memcpy(t.data, elements, bytes);
  return t;
}

ref_tensor ref_ramp(int32_t mul, int32_t add, int32_t mod, int32_t sub, int32_t div, int32_t rank, const int64_t *dim) {
  ref_tensor t = ref_new(CVK_F32, rank, dim);
  const int64_t n = cvk_count(rank, dim);
  for (int64_t i = 0; i < n; i++) ((float *)t.data)[i] = (float)((i * mul + add) % mod - sub) / (float)div;
  return t;
}

uint32_t ref_next(uint32_t *seed, uint32_t below) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) % below;
}

ref_tensor ref_random(uint32_t *seed, int32_t rank, const int64_t *dim) {
  ref_tensor t = ref_new(CVK_F32, rank, dim);
  const int64_t n = cvk_count(rank, dim);
  for (int64_t i = 0; i < n; i++) ((float *)t.data)[i] = ((float)ref_next(seed, 513) - 256) / 256;
  return t;
}

void ref_free(ref_tensor *t) {
  free(t->data);
  memset(t, 0, sizeof *t);
}

cvk_status ref_infer(int32_t kind, const void *attr, int32_t n_in, const cvk_tensor_desc *const *in, cvk_tensor_desc *out) {
  cvk_any_attr resolved;
  return cvk_op_resolve(kind, attr, n_in, in, 1, out, &resolved);
}

cvk_status ref_run(int32_t kind, const void *attr, int32_t n_in, const ref_tensor *const *in, int32_t n_out, ref_tensor *out) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  cvk_tensor_desc in_desc[CVK_MAX_INPUTS], out_desc[CVK_MAX_OUTPUTS];
  const cvk_tensor_desc *in_at[CVK_MAX_INPUTS], *out_at[CVK_MAX_OUTPUTS];
  const void *in_data[CVK_MAX_INPUTS];
  void *out_data[CVK_MAX_OUTPUTS];
  cvk_any_attr resolved;
  ck_assert_ptr_nonnull(def);
  memset(out, 0, (size_t)n_out * sizeof *out);
  for (int32_t i = 0; i < n_in; i++) {
    if (in[i]) in_desc[i] = in[i]->desc;
    if (in[i] && i < 32 && (def->values >> i & 1)) in_desc[i].const_data = in[i]->data;
    in_at[i] = in[i] ? &in_desc[i] : NULL;
    in_data[i] = in[i] ? in[i]->data : NULL;
  }
  cvk_status s = cvk_op_resolve(kind, attr, n_in, in_at, n_out, out_desc, &resolved);
  if (s != CVK_OK) return s;
  for (int32_t i = 0; i < n_out; i++) {
    out[i] = (ref_tensor){out_desc[i], exact_alloc(&out_desc[i])};
    out_at[i] = &out_desc[i];
    out_data[i] = out[i].data;
  }
  const cvk_op op = {.struct_size = sizeof op,
                     .kind = kind,
                     .n_in = n_in,
                     .n_out = n_out,
                     .in = in_at,
                     .out = out_at,
                     .attr = def->attr_bytes ? &resolved : NULL};
  s = def->reference(&op, in_data, out_data);
  for (int32_t i = 0; i < n_out && s != CVK_OK; i++) ref_free(&out[i]);
  return s;
}

cvk_status ref_run1(int32_t kind, const void *attr, const ref_tensor *x, ref_tensor *y) {
  return ref_run(kind, attr, 1, &x, 1, y);
}

cvk_status ref_run2(int32_t kind, const void *attr, const ref_tensor *a, const ref_tensor *b, ref_tensor *y) {
  const ref_tensor *const in[] = {a, b};
  return ref_run(kind, attr, 2, in, 1, y);
}

void ref_expect_shape(const cvk_tensor_desc *d, int32_t rank, const int64_t *dim) {
  ck_assert_int_eq(d->rank, rank);
  for (int32_t i = 0; i < rank; i++)
    ck_assert_msg(d->dim[i] == dim[i], "axis %d: got %lld, want %lld", i, (long long)d->dim[i], (long long)dim[i]);
}

static int agrees(double got, double want, double tolerance) {
  if (isnan(want)) return isnan(got);
  if (isinf(want) || tolerance == 0) return got == want;
  return fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

void ref_expect(const ref_tensor *t, double tolerance, int32_t rank, const int64_t *dim, const float *want) {
  const int64_t n = cvk_count(rank, dim);
  ref_expect_shape(&t->desc, rank, dim);
  ck_assert_int_eq(t->desc.dtype, CVK_F32);
  for (int64_t i = 0; i < n; i++) {
    const double got = ((const float *)t->data)[i];
    ck_assert_msg(agrees(got, want[i], tolerance), "element %lld: got %.9g, want %.9g", (long long)i, got, (double)want[i]);
  }
}

void ref_expect_i64(const ref_tensor *t, int32_t rank, const int64_t *dim, const int64_t *want) {
  const int64_t n = cvk_count(rank, dim), *got = t->data;
  ref_expect_shape(&t->desc, rank, dim);
  ck_assert_int_eq(t->desc.dtype, CVK_I64);
  for (int64_t i = 0; i < n; i++)
    ck_assert_msg(got[i] == want[i], "element %lld: got %lld, want %lld", (long long)i, (long long)got[i], (long long)want[i]);
}

void ref_expect_bytes(const ref_tensor *t, int32_t dtype, int32_t rank, const int64_t *dim, const void *want) {
  const size_t size = (size_t)cvk_dtype_bytes(dtype), n = (size_t)cvk_count(rank, dim);
  ref_expect_shape(&t->desc, rank, dim);
  ck_assert_int_eq(t->desc.dtype, dtype);
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(memcmp((const char *)t->data + i * size, (const char *)want + i * size, size) == 0, "element %zu differs", i);
}
