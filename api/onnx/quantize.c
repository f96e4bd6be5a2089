/* SPDX-License-Identifier: Apache-2.0 */
/* quantize.c: QuantizeLinear, DequantizeLinear and the operators on quantised tensors, composed of float ops: what is quantised is made
 * float32 first (whole numbers, exact), computed with by the kernels for float32, and brought back. Constant weights become float32 once.
 * Integer products whose sums must be exact are computed in parts that float32 holds (MatMulInteger), or in int32 and double. */
#include "fill.h"
#include "parts.h"

#define INT64S CVK_INT64S
#define MOST_ZERO_BYTES 8192 /* of a zero point that is looked at */

/* ---- scales and zero points along x ---- */

typedef struct granularity {
  int64_t axis, block; /* block 0: a number for all, or one an entry of the axis */
} granularity;

/* p [n] as [n, 1, .., 1], so that its axis falls on x's; p of one number as [1, .., 1]. */
static cvk_value along_axis(cvk_onnx_call *c, cvk_value x, cvk_value p, int64_t axis) {
  const cvk_shape_attr one = {.dtype = CVK_I64, .value = 1};
  cvk_value after = INT64S(c, -axis - 1);
  if (axis >= 0) {
    const cvk_value rank = cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, x));
    after = cvk_onnx_op2(c, CVK_OP_MAX, NULL, cvk_onnx_op2(c, CVK_OP_SUB, NULL, rank, INT64S(c, axis + 1)), INT64S(c, 0));
  }
  const cvk_value shape[] = {cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, p), cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, after)};
  return cvk_onnx_reshape(c, p, cvk_onnx_join(c, 0, 2, shape));
}

/* p [.., s, ..] with each entry along the axis `block` times, the last block cut to x's extent. */
static cvk_value along_blocks(cvk_onnx_call *c, cvk_value x, cvk_value p, int32_t rank, int64_t axis, int64_t block) {
  const int32_t at = (int32_t)(axis < 0 ? axis + rank : axis);
  if (at < 0 || at >= rank || rank == CVK_MAX_RANK) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "axis %lld is outside a scale of rank %d, or the rank is more than %d", (long long)axis, rank,
                  CVK_MAX_RANK - 1);
    return CVK_NO_VALUE;
  }
  const cvk_axes_attr inner = {.n_axes = 1, .axis = {at + 1}};
  const cvk_value before = cvk_onnx_extents(c, p, 0, at + 1), after = cvk_onnx_extents(c, p, at + 1, INT32_MAX);
  const cvk_value wide[] = {before, INT64S(c, block), after};
  const cvk_value repeated =
      cvk_onnx_op2(c, CVK_OP_EXPAND, NULL, cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &inner, p), cvk_onnx_join(c, 0, 3, wide));
  const cvk_value joined[] = {cvk_onnx_extents(c, p, 0, at), cvk_onnx_op2(c, CVK_OP_MUL, NULL, cvk_onnx_extent(c, p, at), INT64S(c, block)),
                              after};
  const cvk_value whole = cvk_onnx_reshape(c, repeated, cvk_onnx_join(c, 0, 3, joined));
  const cvk_value part[] = {whole, INT64S(c, 0), cvk_onnx_extent(c, x, at), INT64S(c, at)};
  return cvk_onnx_op(c, CVK_OP_SLICE, NULL, 4, part);
}

/* The node's input i, a scale or zero point, as it is to be combined with x. */
static cvk_value spread(cvk_onnx_call *c, cvk_value x, int32_t i, granularity g) {
  const cvk_value p = cvk_onnx_input(c, i);
  const int32_t rank = cvk_onnx_rank_of_input(c, i);
  if (rank > 1 && g.block == 0)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "input %d has rank %d, which needs the attribute 'block_size'", i, rank);
  if (rank < 0 && g.block > 0) cvk_onnx_fail(c, CVK_UNSUPPORTED, "the rank of input %d is not known while the model is read", i);
  if (rank == 0 || c->status != CVK_OK) return p;
  if (g.block > 0) return along_blocks(c, x, p, rank, g.axis, g.block);
  return cvk_onnx_known_extent(c, p, 0) == 1 ? cvk_onnx_op1(c, CVK_OP_SQUEEZE, NULL, p) : along_axis(c, x, p, g.axis);
}

/* Whether the node has input i, a zero point that is not known to be zero: weights mostly have one that is. */
static int32_t is_moved(cvk_onnx_call *c, int32_t i) {
  const cvk_onnx_name *zero = cvk_onnx_input_name(c, i);
  uint8_t bytes[MOST_ZERO_BYTES] = {0}, any = 0;
  if (!zero || !zero->constant || cvk_tensor_bytes(zero->constant) > sizeof bytes) return zero != NULL;
  if (c->status == CVK_OK) c->status = cvk_tensor_read(zero->constant, bytes, cvk_tensor_bytes(zero->constant));
  for (size_t k = 0; k < sizeof bytes; k++) any |= bytes[k];
  return any != 0;
}

static granularity take_granularity(cvk_onnx_call *c) {
  granularity g = {.axis = 1};
  if (c->model->opset >= 13) cvk_onnx_take_i64(c, "axis", -CVK_MAX_RANK, CVK_MAX_RANK - 1, &g.axis);
  if (c->model->opset >= 21) cvk_onnx_take_i64(c, "block_size", 0, INT32_MAX, &g.block);
  return g;
}

static int32_t take_type(cvk_onnx_call *c, const char *name, int32_t otherwise) {
  int64_t type = 0;
  cvk_onnx_take_i64(c, name, 0, INT32_MAX, &type);
  if (type == 0) return otherwise;
  cvk_onnx_check_dtype(c, name, type);
  return (int32_t)type;
}

/* ---- to and from quantised ---- */

static const struct {
  int32_t dtype;
  float low, high;
} ranges[] = {{CVK_U8, 0, 255}, {CVK_I8, -128, 127}, {CVK_U16, 0, 65535}, {CVK_I16, -32768, 32767},
              {CVK_U4, 0, 15},  {CVK_I4, -8, 7},     {CVK_U2, 0, 3},      {CVK_I2, -2, 1}};

/* Float q, in units of the scale, to the type: halves to even, the zero point (float32 or CVK_NO_VALUE) added, saturated. */
static cvk_value to_integers(cvk_onnx_call *c, cvk_value q, cvk_value zero, int32_t type) {
  size_t i = 0;
  while (i < sizeof ranges / sizeof *ranges && ranges[i].dtype != type) i++;
  if (i == sizeof ranges / sizeof *ranges) {
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "element type %d (%s) is not one to quantise to", type, cvk_onnx_dtype_name(type));
    return CVK_NO_VALUE;
  }
  const cvk_unary_attr range = {.alpha = ranges[i].low, .beta = ranges[i].high};
  cvk_value y = cvk_onnx_cast(c, cvk_onnx_op1(c, CVK_OP_ROUND, NULL, q), CVK_F32);
  if (zero != CVK_NO_VALUE) y = cvk_onnx_op2(c, CVK_OP_ADD, NULL, y, zero);
  return cvk_onnx_cast(c, cvk_onnx_op1(c, CVK_OP_CLIP, &range, y), type);
}

static int32_t is_small_float(int32_t type) {
  return (type >= CVK_F8E4M3FN && type <= CVK_F8E5M2FNUZ) || type == CVK_F4E2M1;
}

void cvk_onnx_emit_quantize(cvk_onnx_call *c) {
  const granularity g = take_granularity(c);
  const int32_t has_zero = cvk_onnx_given(c, 2), moved = is_moved(c, 2), zero_type = cvk_onnx_dtype_of(c, cvk_onnx_input(c, 2));
  const int32_t scale_type = cvk_onnx_dtype_of(c, cvk_onnx_input(c, 1));
  int32_t type = has_zero ? zero_type : CVK_U8, precision = scale_type, saturate = 1;
  if (c->model->opset >= 19) cvk_onnx_take_flag(c, "saturate", &saturate);
  if (c->model->opset >= 21) type = take_type(c, "output_dtype", type);
  if (c->model->opset >= 23) precision = take_type(c, "precision", precision);
  if (has_zero && type != zero_type)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'output_dtype' is %d, the zero point has type %d", type, zero_type);
  if (precision == CVK_I32) precision = CVK_F64; /* every int32 is one */
  if (precision == CVK_F8E8M0) precision = CVK_F32;
  const cvk_value x = cvk_onnx_input(c, 0);
  const cvk_value scale = cvk_onnx_cast(c, spread(c, x, 1, g), precision);
  cvk_value q = cvk_onnx_op2(c, CVK_OP_DIV, NULL, cvk_onnx_cast(c, x, precision), scale);
  const cvk_value zero = moved ? cvk_onnx_cast(c, spread(c, x, 2, g), CVK_F32) : CVK_NO_VALUE;
  cvk_value y;
  if (is_small_float(type)) {
    const cvk_cast_attr to = {.dtype = type, .overflow = !saturate};
    if (moved) q = cvk_onnx_op2(c, CVK_OP_ADD, NULL, cvk_onnx_cast(c, q, CVK_F32), zero);
    y = cvk_onnx_op1(c, CVK_OP_CAST, &to, q);
  } else {
    y = to_integers(c, q, zero, type);
  }
  cvk_onnx_define(c, 0, y, cvk_onnx_rank_of_input(c, 0));
}

void cvk_onnx_emit_dequantize(cvk_onnx_call *c) {
  const granularity g = take_granularity(c);
  int32_t type = cvk_onnx_dtype_of(c, cvk_onnx_input(c, 1));
  if (c->model->opset >= 23) type = take_type(c, "output_dtype", type);
  const cvk_value x = cvk_onnx_input(c, 0), scale = cvk_onnx_cast(c, spread(c, x, 1, g), CVK_F32);
  cvk_value y = cvk_onnx_cast(c, x, CVK_F32);
  if (is_moved(c, 2)) y = cvk_onnx_op2(c, CVK_OP_SUB, NULL, y, cvk_onnx_cast(c, spread(c, x, 2, g), CVK_F32));
  y = cvk_onnx_cast(c, cvk_onnx_op2(c, CVK_OP_MUL, NULL, y, scale), type);
  cvk_onnx_define(c, 0, y, cvk_onnx_rank_of_input(c, 0));
}

/* The scale makes the range, with 0 in it, 255 steps; the zero point is where 0 falls. */
void cvk_onnx_emit_dynamic_quantize(cvk_onnx_call *c) {
  const cvk_axes_attr all = {.keep_dims = 0};
  const cvk_unary_attr range = {.alpha = 0, .beta = 255};
  const cvk_value x = cvk_onnx_input(c, 0), nothing = cvk_onnx_scalar(c, CVK_F32, 0);
  const cvk_value most = cvk_onnx_op2(c, CVK_OP_MAX, NULL, cvk_onnx_op1(c, CVK_OP_REDUCE_MAX, &all, x), nothing);
  const cvk_value least = cvk_onnx_op2(c, CVK_OP_MIN, NULL, cvk_onnx_op1(c, CVK_OP_REDUCE_MIN, &all, x), nothing);
  const cvk_value scale =
      cvk_onnx_op2(c, CVK_OP_DIV, NULL, cvk_onnx_op2(c, CVK_OP_SUB, NULL, most, least), cvk_onnx_scalar(c, CVK_F32, 255));
  const cvk_value steps = cvk_onnx_op2(c, CVK_OP_SUB, NULL, nothing, cvk_onnx_op2(c, CVK_OP_DIV, NULL, least, scale));
  const cvk_value zero = cvk_onnx_op1(c, CVK_OP_ROUND, NULL, cvk_onnx_op1(c, CVK_OP_CLIP, &range, steps));
  cvk_onnx_define(c, 0, to_integers(c, cvk_onnx_op2(c, CVK_OP_DIV, NULL, x, scale), zero, CVK_U8), cvk_onnx_rank_of_input(c, 0));
  cvk_onnx_define(c, 1, scale, 0);
  cvk_onnx_define(c, 2, cvk_onnx_cast(c, zero, CVK_U8), 0);
}

/* ---- products ---- */

/* Input i, a scale or zero point, in `type`. Of rank 1 it has a number for each entry of that axis of x which `after` others follow. */
static cvk_value beside(cvk_onnx_call *c, cvk_value x, int32_t i, int32_t type, int32_t after) {
  const cvk_value p = cvk_onnx_cast(c, cvk_onnx_input(c, i), type);
  const int32_t rank = cvk_onnx_rank_of_input(c, i);
  return rank == 1 || rank < 0 ? along_axis(c, x, p, -1 - after) : p;
}

/* Input i in `type`, less the zero point, input z, where given. */
static cvk_value centred(cvk_onnx_call *c, int32_t i, int32_t z, int32_t type, int32_t after) {
  const cvk_value x = cvk_onnx_cast(c, cvk_onnx_input(c, i), type);
  return is_moved(c, z) ? cvk_onnx_op2(c, CVK_OP_SUB, NULL, x, beside(c, x, z, type, after)) : x;
}

#define EXACT_DEPTH 4096 /* 2^12 products of a number of 4 bits, up to 16 with a sign, and one up to 255: a float32 holds every sum */

/* The product of float32 matrices of whole numbers up to 255 in magnitude, over no more than EXACT_DEPTH: a in steps of 16 and what is
 * left, each by b on the kernels for float32, joined as int32. */
static cvk_value product_in_halves(cvk_onnx_call *c, cvk_value a, cvk_value b) {
  const cvk_value sixteen = cvk_onnx_scalar(c, CVK_F32, 16);
  const cvk_value high = cvk_onnx_op1(c, CVK_OP_FLOOR, NULL, cvk_onnx_op2(c, CVK_OP_DIV, NULL, a, sixteen));
  const cvk_value low = cvk_onnx_op2(c, CVK_OP_SUB, NULL, a, cvk_onnx_op2(c, CVK_OP_MUL, NULL, high, sixteen));
  const cvk_value of_high = cvk_onnx_cast(c, cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, high, b), CVK_I32);
  const cvk_value of_low = cvk_onnx_cast(c, cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, low, b), CVK_I32);
  return cvk_onnx_op2(c, CVK_OP_ADD, NULL, cvk_onnx_op2(c, CVK_OP_MUL, NULL, of_high, cvk_onnx_scalar(c, CVK_I32, 16)), of_low);
}

void cvk_onnx_emit_matmul_integer(cvk_onnx_call *c) {
  const int32_t rank = cvk_onnx_rank_of_input(c, 1);
  const int64_t depth = rank > 0 ? cvk_onnx_known_extent(c, cvk_onnx_input(c, 1), rank > 1 ? rank - 2 : 0) : -1;
  const int32_t in_halves = depth >= 0 && depth <= EXACT_DEPTH, type = in_halves ? CVK_F32 : CVK_I32;
  const cvk_value a = centred(c, 0, 2, type, 1), b = centred(c, 1, 3, type, 0);
  const cvk_value y = in_halves ? product_in_halves(c, a, b) : cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, a, b);
  cvk_onnx_define(c, 0, y, rank < 2 || cvk_onnx_rank_of_input(c, 0) < rank ? -1 : cvk_onnx_rank_of_input(c, 0));
}

/* y in units of the products of both scales, times these, over y's scale (input s), to y's type with its zero point (input s + 1). */
static cvk_value requantise(cvk_onnx_call *c, cvk_value y, cvk_value scale, int32_t s) {
  const cvk_value factor = cvk_onnx_op2(c, CVK_OP_DIV, NULL, scale, cvk_onnx_cast(c, cvk_onnx_input(c, s), CVK_F32));
  const cvk_value zero = cvk_onnx_input(c, s + 1);
  const int32_t type = cvk_onnx_dtype_of(c, zero);
  const cvk_value q = cvk_onnx_op2(c, CVK_OP_MUL, NULL, y, factor);
  if (!is_small_float(type)) return to_integers(c, q, cvk_onnx_cast(c, zero, CVK_F32), type);
  return cvk_onnx_cast(c, cvk_onnx_op2(c, CVK_OP_ADD, NULL, q, cvk_onnx_cast(c, zero, CVK_F32)), type);
}

void cvk_onnx_emit_qlinear_matmul(cvk_onnx_call *c) {
  const cvk_value a = centred(c, 0, 2, CVK_F32, 1), b = centred(c, 3, 5, CVK_F32, 0);
  const cvk_value scale = cvk_onnx_op2(c, CVK_OP_MUL, NULL, beside(c, a, 1, CVK_F32, 1), beside(c, b, 4, CVK_F32, 0));
  const int32_t ra = cvk_onnx_rank_of_input(c, 0), rb = cvk_onnx_rank_of_input(c, 3);
  const cvk_value y = requantise(c, cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, a, b), scale, 6);
  cvk_onnx_define(c, 0, y, ra < 2 || rb < 2 ? -1 : ra > rb ? ra : rb);
}

/* ---- convolutions ---- */

/* The axes of x after the channels; -1: unknown. */
static int32_t spatial_axes(cvk_onnx_call *c, int32_t x, int32_t w) {
  const int32_t rank = cvk_onnx_rank_of_input(c, x) >= 0 ? cvk_onnx_rank_of_input(c, x) : cvk_onnx_rank_of_input(c, w);
  if (rank < 3) cvk_onnx_fail(c, CVK_UNSUPPORTED, "the rank of x and w is not known while the model is read, or less than 3: %d", rank);
  return rank - 2;
}

static void take_conv(cvk_onnx_call *c, cvk_any_attr *attr) {
  *attr = (cvk_any_attr){0};
  cvk_op_def_find(CVK_OP_CONV)->defaults(CVK_OP_CONV, attr);
  cvk_onnx_fill_conv(c, attr);
  attr->struct_size = 0;
}

/* Sums of products of bytes are exact in double, and their low 32 bits are the result. */
void cvk_onnx_emit_conv_integer(cvk_onnx_call *c) {
  cvk_any_attr attr;
  take_conv(c, &attr);
  const int32_t spatial = spatial_axes(c, 0, 1);
  if (c->status != CVK_OK) return;
  const cvk_value x = centred(c, 0, 2, CVK_F64, spatial), w = centred(c, 1, 3, CVK_F64, spatial + 1);
  const cvk_value y = cvk_onnx_cast(c, cvk_onnx_op2(c, CVK_OP_CONV, &attr, x, w), CVK_I64);
  cvk_onnx_define(c, 0, cvk_onnx_cast(c, y, CVK_I32), spatial + 2);
}

void cvk_onnx_emit_qlinear_conv(cvk_onnx_call *c) {
  cvk_any_attr attr;
  take_conv(c, &attr);
  const int32_t spatial = spatial_axes(c, 0, 3);
  if (c->status != CVK_OK) return;
  const cvk_value x = centred(c, 0, 2, CVK_F32, spatial), w = centred(c, 3, 5, CVK_F32, spatial + 1);
  const cvk_value bias = cvk_onnx_given(c, 8) ? cvk_onnx_cast(c, cvk_onnx_input(c, 8), CVK_F32) : CVK_NO_VALUE;
  const cvk_value y = cvk_onnx_op(c, CVK_OP_CONV, &attr, bias == CVK_NO_VALUE ? 2 : 3, (const cvk_value[]){x, w, bias});
  const cvk_value scale = cvk_onnx_op2(c, CVK_OP_MUL, NULL, beside(c, x, 1, CVK_F32, spatial), beside(c, x, 4, CVK_F32, spatial));
  cvk_onnx_define(c, 0, requantise(c, y, scale, 6), spatial + 2);
}
