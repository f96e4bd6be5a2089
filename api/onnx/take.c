/* SPDX-License-Identifier: Apache-2.0 */
/* take.c: reads a node's attributes by name with their type and range checked. What was not taken in the end is an unknown attribute. */
#include "parts.h"

static const cvk_onnx_attr *find(cvk_onnx_call *c, const char *name) {
  if (c->status != CVK_OK) return NULL;
  for (int32_t i = 0; i < c->n_attrs; i++)
    if (cvk_view_is(c->attr[i].name, name)) {
      c->taken |= (uint64_t)1 << i;
      return &c->attr[i];
    }
  return NULL;
}

const cvk_onnx_attr *cvk_onnx_take(cvk_onnx_call *c, const char *name, int32_t type) {
  static const char *const types[] = {"nothing", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings"};
  const cvk_onnx_attr *a = find(c, name);
  if (!a || a->type == type) return a;
  cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has type %d, expected %d (%s)", name, a->type, type, types[type]);
  return NULL;
}

int32_t cvk_onnx_take_i64(cvk_onnx_call *c, const char *name, int64_t low, int64_t high, int64_t *out) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_INT);
  if (!a) return 0;
  if (a->i < low || a->i > high)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' is %lld, expected %lld to %lld", name, (long long)a->i, (long long)low,
                  (long long)high);
  *out = a->i;
  return 1;
}

int32_t cvk_onnx_take_i32(cvk_onnx_call *c, const char *name, int32_t *out) {
  int64_t v = *out;
  const int32_t present = cvk_onnx_take_i64(c, name, INT32_MIN, INT32_MAX, &v);
  *out = (int32_t)v;
  return present;
}

int32_t cvk_onnx_take_flag(cvk_onnx_call *c, const char *name, int32_t *out) {
  int64_t v = *out;
  const int32_t present = cvk_onnx_take_i64(c, name, 0, 1, &v);
  *out = (int32_t)v;
  return present;
}

int32_t cvk_onnx_take_f32(cvk_onnx_call *c, const char *name, float *out) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_FLOAT);
  if (a) *out = a->f;
  return a != NULL;
}

int32_t cvk_onnx_take_i64s(cvk_onnx_call *c, const char *name, int64_t low, int32_t most, int64_t *out, int32_t *n) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_INTS);
  if (!a) return 0;
  cvk_wire_list l = cvk_onnx_attr_list(c->model, a);
  uint64_t value;
  int32_t more;
  for (*n = 0;; ++*n) {
    c->status = cvk_wire_list_next(&l, &value, &more);
    if (c->status != CVK_OK || !more) return 1;
    const int64_t v = (int64_t)value;
    if (*n == most)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has more than %d entries", name, most);
    else if (v < low)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has %lld at entry %d, expected %lld or more", name, (long long)v, *n,
                    (long long)low);
    if (c->status != CVK_OK) return 1;
    out[*n] = v;
  }
}

int32_t cvk_onnx_take_f32s(cvk_onnx_call *c, const char *name, int32_t most, float *out, int32_t *n) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_FLOATS);
  if (!a) return 0;
  cvk_wire_list l = cvk_onnx_attr_list(c->model, a);
  uint64_t value;
  int32_t more;
  for (*n = 0;; ++*n) {
    c->status = cvk_wire_list_next(&l, &value, &more);
    if (c->status == CVK_OK && more && *n == most)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has more than %d entries", name, most);
    if (c->status != CVK_OK || !more) return 1;
    out[*n] = cvk_wire_f32(value);
  }
}

static int32_t index_of(cvk_view text, int32_t n, const char *const *choice) {
  for (int32_t i = 0; i < n; i++)
    if (cvk_view_is(text, choice[i])) return i;
  return -1;
}

int32_t cvk_onnx_take_choices(cvk_onnx_call *c, const char *name, int32_t n_choices, const char *const *choice, int32_t most, int32_t *out,
                              int32_t *n) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_STRINGS);
  if (!a) return 0;
  for (*n = 0;; ++*n) {
    cvk_view text;
    c->status = cvk_onnx_attr_string(c->model, a, *n, &text);
    if (c->status != CVK_OK || !text.data) return 1;
    const int32_t index = index_of(text, n_choices, choice);
    if (*n == most)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has more than %d entries", name, most);
    else if (index < 0)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' has '%.*s' at entry %d, expected '%s' or another of %d known ones", name,
                    CVK_VIEW_TEXT(text), *n, choice[0], n_choices);
    if (c->status != CVK_OK) return 1;
    out[*n] = index;
  }
}

int32_t cvk_onnx_take_choice(cvk_onnx_call *c, const char *name, int32_t n, const char *const *choice, int32_t *out) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_STRING);
  if (!a) return 0;
  *out = index_of(a->s, n, choice);
  if (*out >= 0) return 1;
  *out = 0;
  cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%s' is '%.*s', expected '%s' or another of %d known ones", name, CVK_VIEW_TEXT(a->s),
                choice[0], n);
  return 1;
}

int32_t cvk_onnx_take_dtype(cvk_onnx_call *c, const char *name, int32_t *out) {
  int64_t type = 0;
  if (!cvk_onnx_take_i64(c, name, 0, INT32_MAX, &type)) return 0;
  cvk_onnx_check_dtype(c, name, type);
  *out = (int32_t)type;
  return 1;
}

int32_t cvk_onnx_take_tensor(cvk_onnx_call *c, const char *name, cvk_tensor **out) {
  const cvk_onnx_attr *a = cvk_onnx_take(c, name, CVK_ONNX_TENSOR);
  if (!a) return 0;
  cvk_onnx_tensor t;
  c->status = cvk_onnx_tensor_read(c->model->file, a->t, &t);
  if (c->status == CVK_OK) c->status = cvk_onnx_tensor_make(c->model->file, &t, 0, out);
  if (c->status != CVK_OK) c->status = cvk_fail_within(c->status, "attribute '%s'", name);
  return 1;
}

void cvk_onnx_ignore(cvk_onnx_call *c, const char *name) {
  find(c, name);
}
