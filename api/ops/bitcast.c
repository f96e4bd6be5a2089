/* SPDX-License-Identifier: Apache-2.0 */
/* bitcast.c: BITCAST, the bits of each element read as another type of the same width (ONNX BitCast). Elements of 4 and 2 bits are those of
 * their width, whatever stands above them in their bytes; a bool that was a byte is 0 or 1, as everywhere. */
#include <string.h>

#include "element.h"
#include "ops_internal.h"

static int32_t bits_of(int32_t dtype) {
  if (dtype == CVK_U4 || dtype == CVK_I4 || dtype == CVK_F4E2M1) return 4;
  return dtype == CVK_U2 || dtype == CVK_I2 ? 2 : 8 * (int32_t)cvk_dtype_bytes(dtype);
}

cvk_status cvk_infer_bitcast(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  const int32_t dtype = call->attr->cast.dtype;
  if (bits_of(dtype) == 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "bitcast: dtype is %d, allowed an element type (1 float32, 7 int64, ...: ONNX's numbers)", dtype);
  if (bits_of(dtype) != bits_of(x->dtype))
    return cvk_fail(CVK_INVALID_ARGUMENT, "bitcast: %s has %d bits, %s has %d; they must have as many", cvk_dtype_name(x->dtype),
                    bits_of(x->dtype), cvk_dtype_name(dtype), bits_of(dtype));
  return cvk_desc_set(&call->out[0], "bitcast: output", dtype, x->rank, x->dim);
}

cvk_status cvk_ref_bitcast(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const int64_t n = cvk_count(y->rank, y->dim);
  const int32_t bits = bits_of(y->dtype), is_signed = y->dtype == CVK_I4 || y->dtype == CVK_I2;
  uint8_t *to = out[0];
  if (n == 0) return CVK_OK;
  memcpy(to, in[0], (size_t)n * (size_t)cvk_dtype_bytes(y->dtype));
  if (y->dtype == CVK_BOOL) {
    for (int64_t i = 0; i < n; i++) to[i] = to[i] != 0;
  } else if (bits < 8) {
    for (int64_t i = 0; i < n; i++) {
      const int32_t v = to[i] & ((1 << bits) - 1);
      to[i] = (uint8_t)(is_signed && v >> (bits - 1) ? v - (1 << bits) : v);
    }
  }
  return CVK_OK;
}
