/* SPDX-License-Identifier: Apache-2.0 */
/* op_table.c: the op table, generated from ops.def, and cvk_op_resolve: the one gate through which every op passes before a backend or the
 * reference sees it. It copies the attribute, checks counts and descs, and runs the op's shape rule. */
#include "op_table.h"

#include <convoke/ops.h>
#include <string.h>

#include "ops/ops_internal.h"

#define CVK_ATTR_LIMIT 65536 /* a larger struct_size is nonsense, not growth */

/* Row numbers, in the order of ops.def. */
enum {
#define CVK_ROW(KIND, name, ...) ROW_##name,
#include <convoke/ops.def>
#undef CVK_ROW
  ROW_COUNT
};

#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, attr, defaults, infer, reference, gradient, values, doc)                       \
  _Static_assert((int)CVK_KIND_##name == (int)CVK_OP_##KIND && CVK_OP_##KIND > 0, #name ": kind differs from plugin.h's"); \
  _Static_assert(lo <= hi && hi <= CVK_MAX_INPUTS && outs >= 1 && outs <= CVK_MAX_OUTPUTS, #name ": arity");               \
  _Static_assert(sizeof(attr) <= sizeof(cvk_any_attr), #name ": attribute is no member of cvk_any_attr");
#include <convoke/ops.def>
#undef CVK_ROW

#define ATTR_BYTES(A) (sizeof(A) == sizeof(cvk_no_attr) ? 0 : (uint32_t)sizeof(A))
static const cvk_op_def table[ROW_COUNT] = {
#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, attr, defaults, infer, reference, gradient, values, doc)                         \
  {CVK_OP_##KIND,      #name, onnx, lo, hi, outs, ATTR_BYTES(attr), values, doc, cvk_defaults_##defaults, cvk_infer_##infer, \
   cvk_ref_##reference, cvk_grad_##gradient},
#include <convoke/ops.def>
#undef CVK_ROW
};

/* Row number + 1 of a kind; 0: no such kind. */
static const int16_t row_of_kind[] = {
#define CVK_ROW(KIND, name, ...) [CVK_OP_##KIND] = ROW_##name + 1,
#include <convoke/ops.def>
#undef CVK_ROW
};

const cvk_op_def *cvk_op_def_find(int32_t kind) {
  const int32_t kinds = (int32_t)(sizeof row_of_kind / sizeof *row_of_kind);
  return kind > 0 && kind < kinds && row_of_kind[kind] > 0 ? &table[row_of_kind[kind] - 1] : NULL;
}

const cvk_op_def *cvk_op_def_at(int32_t index) {
  return index >= 0 && index < ROW_COUNT ? &table[index] : NULL;
}

const char *cvk_op_name(int32_t kind) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  return def ? def->name : NULL;
}

const char *cvk_op_onnx_name(int32_t kind) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  return def ? def->onnx : NULL;
}

cvk_status cvk_attr_copy(const cvk_op_def *def, const void *attr, cvk_any_attr *resolved) {
  memset(resolved, 0, sizeof *resolved);
  if (def->attr_bytes == 0 || attr == NULL) {
    def->defaults(def->kind, resolved);
  } else {
    uint32_t size;
    memcpy(&size, attr, sizeof size);
    if (size == 0) size = def->attr_bytes;
    if (size < sizeof size || size > CVK_ATTR_LIMIT)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: attribute has struct_size %u, expected %u", def->name, size, def->attr_bytes);
    for (uint32_t i = def->attr_bytes; i < size; i++)
      if (((const unsigned char *)attr)[i] != 0)
        return cvk_fail(CVK_UNSUPPORTED, "%s: attribute of %u bytes sets a field past the %u bytes this library knows", def->name, size,
                        def->attr_bytes);
    memcpy(resolved, attr, size < def->attr_bytes ? size : def->attr_bytes);
  }
  resolved->struct_size = def->attr_bytes ? def->attr_bytes : (uint32_t)sizeof(cvk_no_attr);
  return CVK_OK;
}

static cvk_status check_input(const cvk_op_def *def, int32_t i, const cvk_tensor_desc *d) {
  char text[CVK_DIMS_TEXT];
  if (d->rank < 0 || d->rank > CVK_MAX_RANK)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: input %d has rank %d, allowed 0 to %d", def->name, i, d->rank, CVK_MAX_RANK);
  if (cvk_dtype_bytes(d->dtype) == 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d has unknown element type %d", def->name, i, d->dtype);
  if (CVK_HAS(d, quant) && d->quant != NULL) return cvk_fail(CVK_UNSUPPORTED, "%s: input %d is quantised", def->name, i);
  for (int32_t a = 0; a < d->rank; a++)
    if (d->dim[a] < 0)
      return cvk_fail(CVK_INVALID_SHAPE, "%s: input %d has extent %lld on axis %d, allowed >= 0", def->name, i, (long long)d->dim[a], a);
  if (cvk_count(d->rank, d->dim) < 0)
    return cvk_fail(CVK_SIZE_OVERFLOW, "%s: input %d of shape %s has more than 2^63-1 elements", def->name, i,
                    cvk_dims_text(d->rank, d->dim, text));
  return CVK_OK;
}

/* Required: the first min_in, and every one of an op that takes any number. */
static cvk_status check_inputs(const cvk_op_def *def, int32_t n_in, const cvk_tensor_desc *const *in) {
  for (int32_t i = 0; i < n_in; i++) {
    if (in[i] == NULL) {
      if (i < def->min_in || def->max_in == CVK_MAX_INPUTS)
        return cvk_fail(CVK_INVALID_ARGUMENT, "%s: input %d is required but absent", def->name, i);
      continue;
    }
    const cvk_status s = check_input(def, i, in[i]);
    if (s != CVK_OK) return s;
  }
  return CVK_OK;
}

cvk_status cvk_op_resolve(int32_t kind, const void *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out,
                          cvk_tensor_desc *out, cvk_any_attr *resolved) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  if (def == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "unknown op kind %d", kind);
  if (n_in < def->min_in || n_in > def->max_in)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: got %d inputs, takes %d to %d", def->name, n_in, def->min_in, def->max_in);
  if (n_out < 1 || n_out > def->max_out)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: asked for %d outputs, gives 1 to %d", def->name, n_out, def->max_out);
  cvk_status s = check_inputs(def, n_in, in);
  if (s == CVK_OK) s = cvk_attr_copy(def, attr, resolved);
  if (s != CVK_OK) return s;
  memset(out, 0, (size_t)n_out * sizeof *out);
  for (int32_t i = 0; i < n_out; i++) out[i].struct_size = sizeof *out;
  cvk_op_call call = {.def = def, .kind = kind, .n_in = n_in, .n_out = n_out, .in = in, .out = out, .attr = resolved};
  return def->infer(&call);
}
