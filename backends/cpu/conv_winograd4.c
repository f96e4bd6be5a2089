/* SPDX-License-Identifier: Apache-2.0 */
/* conv_winograd4: F(4x4, 3x3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity: a quarter of the multiplications. These points cost
 * as many operations as the usual 0, +-1, +-2 and leave a third to a quarter of their rounding errors: in equal samples 23 against 68 units
 * of the error bound for one channel (64 are allowed), 4 to 7 against 10 to 23 for 64 channels. */
#include "conv_winograd.h"

enum { OUT = 4, SIDE = 6 };

#define P 0.70710678118654752440 /* the points; P^2 = 1/2, Q^2 = 2, P Q = 1 */
#define Q 1.41421356237309504880
#define NP (-1 / 1.5) /* one over the product of a point's distances to the others */
#define NQ (1 / 6.0)

static const double weight_rows[SIDE][3] = {{1, 0, 0},           {NP, NP *P, NP / 2},  {NP, -NP *P, NP / 2},
                                            {NQ, NQ *Q, NQ * 2}, {NQ, -NQ *Q, NQ * 2}, {0, 0, 1}};

/* Six values in place. */
VI void input_side(vf *d) {
  const vf p = v_set1((float)P), q = v_set1((float)Q), half = v_set1(0.5f), two = v_set1(2.0f), sum = v_set1(2.5f);
  const vf even_p = v_fnma(two, d[2], d[4]), odd_p = v_fnma(two, d[1], d[3]);
  const vf even_q = v_fnma(half, d[2], d[4]), odd_q = v_fnma(half, d[1], d[3]);
  d[0] = v_fnma(sum, d[2], v_add(d[0], d[4]));
  d[5] = v_fnma(sum, d[3], v_add(d[1], d[5]));
  d[1] = v_fma(p, odd_p, even_p);
  d[2] = v_fnma(p, odd_p, even_p);
  d[3] = v_fma(q, odd_q, even_q);
  d[4] = v_fnma(q, odd_q, even_q);
}

static void input(const float *x, int64_t row, float *v, int64_t plane) {
  winograd_input(SIDE, input_side, x, row, v, plane);
}

/* Six products to four results. */
VI void output_side(const vf *m, vf *y) {
  const vf sum_p = v_add(m[1], m[2]), odd_p = v_sub(m[1], m[2]), sum_q = v_add(m[3], m[4]), odd_q = v_sub(m[3], m[4]);
  y[0] = v_add(v_add(m[0], sum_p), sum_q);
  y[1] = v_fma(v_set1((float)P), odd_p, v_mul(v_set1((float)Q), odd_q));
  y[2] = v_fma(v_set1(0.5f), sum_p, v_add(sum_q, sum_q));
  y[3] = v_fma(v_set1((float)(P / 2)), odd_p, v_fma(v_set1((float)(Q * 2)), odd_q, m[5]));
}

static int32_t output(const float *m, int64_t plane, const winograd_finish *f) {
  return winograd_output(OUT, output_side, m, plane, f);
}

static const winograd transform = {.name = CVK_ISA_ROW("conv_winograd4"),
                                   .out = OUT,
                                   .pack_number = 0x5000 + VL,
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

const cpu_row CVK_ISA_FN(conv_winograd4_row) = {.name = CVK_ISA_ROW("conv_winograd4"),
                                                .kind = CVK_OP_CONV,
                                                .kind_last = CVK_OP_CONV_TRANSPOSE,
                                                .takes_post = 1,
                                                .accepts = accepts,
                                                .prepare = prepare,
                                                .execute = CVK_ISA_FN(winograd_execute),
                                                .pack = pack};
