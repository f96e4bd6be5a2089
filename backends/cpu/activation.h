/* SPDX-License-Identifier: Apache-2.0 */
/* activation.h: every activation and unary function over vf, all of one type: x and the attribute's alpha (a) and beta (b). The unary rows
 * and the epilogues of other kernels share them. ONNX's operator pages are the source of the formulas; NaN in, NaN out. */
#ifndef CVK_CPU_ACTIVATION_H
#define CVK_CPU_ACTIVATION_H

#include <math.h>

#include "vmath.h"

#define ACT_IGNORES(A, B) ((void)(A), (void)(B))

VI vf act_relu(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_max_raw(v_zero(), x); }
VI vf act_leaky_relu(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_sel(v_lt(x, v_zero()), v_mul(a, x), x); }
VI vf act_sigmoid(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_sigmoid(x); }
VI vf act_tanh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_tanh(x); }
VI vf act_elu(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  return v_sel(v_lt(x, v_zero()), v_mul(a, v_expm1_neg(v_min_raw(v_zero(), x))), x);
}
VI vf act_selu(vf x, vf a, vf b) { return v_mul(b, v_sel(v_le(x, v_zero()), v_mul(a, v_expm1_neg(v_min_raw(v_zero(), x))), x)); }
/* alpha > 0 */
VI vf act_celu(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  return v_sel(v_lt(x, v_zero()), v_mul(a, v_expm1_neg(v_div(v_min_raw(v_zero(), x), a))), x);
}
VI vf act_clip(vf x, vf a, vf b) { return v_clamp(x, a, b); }
VI vf act_hard_sigmoid(vf x, vf a, vf b) { return v_clamp(v_add(v_mul(a, x), b), v_zero(), v_set1(1.0f)); }
VI vf act_hard_swish(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  return v_mul(x, v_clamp(v_add(v_mul(x, v_set1(1.0f / 6.0f)), v_set1(0.5f)), v_zero(), v_set1(1.0f)));
}
VI vf act_softplus(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  return v_add(v_max_raw(v_zero(), x), v_log1p_unit(v_exp(v_neg(v_abs(x)))));
}
VI vf act_softsign(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_div(x, v_add(v_set1(1.0f), v_abs(x))); }
VI vf act_gelu(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_mul(x, v_phi(x)); }
/* (1 + tanh u) / 2 = sigmoid(2 u), which keeps the left tail. */
VI vf act_gelu_tanh(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  const vf cube = v_mul(v_mul(x, x), x);
  return v_mul(x, v_sigmoid(v_mul(v_set1(1.59576912160573071f), v_add(x, v_mul(v_set1(0.044715f), cube)))));
}
VI vf act_swish(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_mul(x, v_sigmoid(v_mul(a, x))); }
/* tanh(log(1 + e^x)) as a ratio in z = e^-|x|, which neither overflows nor cancels. */
VI vf act_mish(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  const vf z = v_exp(v_neg(v_abs(x))), one = v_set1(1.0f), two = v_set1(2.0f);
  const vf left = v_mul(z, v_add(z, two)), right = v_add(one, v_mul(two, z)), rest = v_mul(two, v_mul(z, z));
  const vm negative = v_lt(x, v_zero());
  return v_mul(x, v_div(v_sel(negative, left, right), v_sel(negative, v_add(left, two), v_add(right, rest))));
}
VI vf act_thresholded_relu(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_sel(v_le(x, a), v_zero(), x); }

VI vf act_exp(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_exp(x); }
VI vf act_log(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_log(x); }
VI vf act_sqrt(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_sqrt(x); }
VI vf act_abs(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_abs(x); }
VI vf act_neg(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_neg(x); }
VI vf act_reciprocal(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_div(v_set1(1.0f), x); }
VI vf act_erf(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_erf(x); }
VI vf act_floor(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_floor(x); }
VI vf act_ceil(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_ceil(x); }

VI vf act_round(vf x, vf a, vf b) { ACT_IGNORES(a, b); return v_round(x); }
VI vf act_sign(vf x, vf a, vf b) {
  ACT_IGNORES(a, b);
  const vf zero = v_zero(), one = v_set1(1.0f);
  return v_sel(v_lt(zero, x), one, v_sel(v_lt(x, zero), v_neg(one), v_sel(v_isnan(x), x, zero)));
}
/* Neither comparison holds for NaN, which becomes 0. */
VI vf act_shrink(vf x, vf a, vf b) { return v_sel(v_lt(x, v_neg(a)), v_add(x, b), v_sel(v_lt(a, x), v_sub(x, b), v_zero())); }

/* Angles and hyperbolic functions are the C library's, lane by lane: right to 2 units in the last place, with any argument. */
VI vf act_each(float f(float), vf x) {
  float lane[VL];
  v_store(lane, x);
  for (int i = 0; i < VL; i++) lane[i] = f(lane[i]);
  return v_load(lane);
}
VI vf act_sin(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(sinf, x); }
VI vf act_cos(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(cosf, x); }
VI vf act_tan(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(tanf, x); }
VI vf act_asin(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(asinf, x); }
VI vf act_acos(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(acosf, x); }
VI vf act_atan(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(atanf, x); }
VI vf act_sinh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(sinhf, x); }
VI vf act_cosh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(coshf, x); }
VI vf act_asinh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(asinhf, x); }
VI vf act_acosh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(acoshf, x); }
VI vf act_atanh(vf x, vf a, vf b) { ACT_IGNORES(a, b); return act_each(atanhf, x); }

/* y = f(x) over n floats, x and y equal or apart. The function of a kind (unary.c), or NULL; alpha chooses between GELU's two. */
typedef void (*span_function)(const float *x, float *y, int64_t n, float a, float b);
span_function CVK_ISA_FN(activation_span)(int32_t kind, float alpha);

#endif
