/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd2: F(2x2, 3x3) with the points 0, +-1 and infinity: 4/9 of the multiplications, weights of 16/9 the size, and half the
 * waste of conv_winograd4 where the image does not divide into tiles. */
#include "conv_winograd.h"

enum { OUT = 2, SIDE = 4 };

static const double weight_rows[SIDE][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

/* Four values in place. */
VI void input_side(vf *d) {
  const vf sum = v_add(d[1], d[2]), difference = v_sub(d[2], d[1]);
  d[0] = v_sub(d[0], d[2]);
  d[3] = v_sub(d[3], d[1]);
  d[1] = sum;
  d[2] = difference;
}

static void input(const float *x, int64_t row, float *v, int64_t plane) {
  winograd_input(SIDE, input_side, x, row, v, plane);
}

/* Four products to two results. */
VI void output_side(const vf *m, vf *y) {
  y[0] = v_add(m[0], v_add(m[1], m[2]));
  y[1] = v_add(v_sub(m[1], m[2]), m[3]);
}

static int32_t output(const float *m, int64_t plane, const winograd_finish *f) {
  return winograd_output(OUT, output_side, m, plane, f);
}

static const winograd transform = {.name = CVK_ISA_ROW("conv_winograd2"),
                                   .out = OUT,
                                   .pack_number = 0x6000 + VL,
                                   .weight_rows = weight_rows,
                                   .input = input,
                                   .output = output};

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  return CVK_ISA_FN(winograd_accepts)(&transform, device, op, c, why);
}

static cvk_status pack(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input_index, cvk_pack **out) {
  (void)c;
  return CVK_ISA_FN(winograd_pack)(&transform, device, op, input_index, out);
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  return CVK_ISA_FN(winograd_prepare)(&transform, device, op, c, out);
}

const cpu_row CVK_ISA_FN(conv_winograd2_row) = {.name = CVK_ISA_ROW("conv_winograd2"),
                                                .kind = CVK_OP_CONV,
                                                .kind_last = CVK_OP_CONV_TRANSPOSE,
                                                .takes_post = 1,
                                                .accepts = accepts,
                                                .prepare = prepare,
                                                .execute = CVK_ISA_FN(winograd_execute),
                                                .pack = pack};
