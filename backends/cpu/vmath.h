/* SPDX-License-Identifier: Apache-2.0 */
/* vmath.h: exp, log, tanh, erf and their kin over vf, right at NaN, infinities, zeros and subnormals, within about 4 ulp (tests/cpu/
 * test_unary.c measures each). Coefficients are weighted minimax fits made for these intervals. No function here touches memory. */
#ifndef CVK_CPU_VMATH_H
#define CVK_CPU_VMATH_H

#include "vec.h"

/* 2^n for integral n in -126..127. */
VI vf vm_pow2(vf n) {
  return v_from_bits(vi_shl(vi_add(v_to_int(n), vi_set1(127)), 23));
}

/* x + rest = n ln2 + r with |r| <= ln2/2, |rest| far below |x|; returns exp(r) - 1. NaN in, NaN out. */
VI vf vm_exp_split(vf x, vf rest, vf *n) {
  *n = v_round(v_mul(v_add(x, rest), v_set1(1.44269504088896341f)));
  vf r = v_fnma(*n, v_set1(0.693359375f), x);
  r = v_add(v_fnma(*n, v_set1(-2.12194440e-4f), r), rest);
  vf p = v_set1(1.991797326e-04f);
  p = v_fma(p, r, v_set1(1.394619001e-03f));
  p = v_fma(p, r, v_set1(8.333264850e-03f));
  p = v_fma(p, r, v_set1(4.166626930e-02f));
  p = v_fma(p, r, v_set1(1.666666716e-01f));
  p = v_fma(p, r, v_set1(0.5f));
  return v_fma(v_mul(r, r), p, r);
}

VI vf v_exp(vf x) {
  vf n;
  const vf e = vm_exp_split(v_clamp(x, v_set1(-104.0f), v_set1(89.0f)), v_zero(), &n);
  return v_scale(v_add(e, v_set1(1.0f)), n);
}

/* exp(x) - 1 for x <= 0, with a small relative error near 0 too. */
VI vf v_expm1_neg(vf x) {
  vf n;
  const vf e = vm_exp_split(v_max_raw(v_set1(-30.0f), x), v_zero(), &n), scale = vm_pow2(n);
  return v_fma(scale, e, v_sub(scale, v_set1(1.0f)));
}

VI vf v_log(vf x) {
  const vi root_half = vi_set1(0x3f3504f3);
  const vm subnormal = v_lt(x, v_set1(1.17549435e-38f));
  const vi bits = vi_sub(v_bits(v_sel(subnormal, v_mul(x, v_set1(33554432.0f)), x)), root_half);
  const vf e = v_sub(v_from_int(vi_sar(bits, 23)), v_sel(subnormal, v_set1(25.0f), v_zero()));
  const vf f = v_sub(v_from_bits(vi_add(vi_and(bits, vi_set1(0x7fffff)), root_half)), v_set1(1.0f));
  const vf f2 = v_mul(f, f);
  vf q = v_set1(6.746601313e-02f);
  q = v_fma(q, f, v_set1(-1.167564094e-01f));
  q = v_fma(q, f, v_set1(1.188817471e-01f));
  q = v_fma(q, f, v_set1(-1.240559146e-01f));
  q = v_fma(q, f, v_set1(1.421955079e-01f));
  q = v_fma(q, f, v_set1(-1.666799635e-01f));
  q = v_fma(q, f, v_set1(2.000211924e-01f));
  q = v_fma(q, f, v_set1(-2.500000894e-01f));
  q = v_fma(q, f, v_set1(3.333331347e-01f));
  q = v_mul(v_mul(f2, f), q);
  q = v_fma(e, v_set1(-2.12194440e-4f), q);
  q = v_fnma(v_set1(0.5f), f2, q);
  vf y = v_fma(e, v_set1(0.693359375f), v_add(f, q));
  y = v_sel(v_eq(x, v_zero()), v_set1(-__builtin_inff()), y);
  y = v_sel(v_eq(x, v_set1(__builtin_inff())), x, y);
  return v_sel(v_ge(x, v_zero()), y, v_sel(v_isnan(x), x, v_set1(__builtin_nanf(""))));
}

/* log(1 + z) for 0 <= z <= 1: what rounding took from 1 + z is put back. */
VI vf v_log1p_unit(vf z) {
  const vf u = v_add(z, v_set1(1.0f));
  return v_add(v_log(u), v_div(v_sub(z, v_sub(u, v_set1(1.0f))), u));
}

VI vf v_copysign(vf magnitude, vf sign) {
  return v_from_bits(vi_or(vi_and(v_bits(magnitude), vi_set1(INT32_MAX)), vi_and(v_bits(sign), vi_set1(INT32_MIN))));
}

VI vf v_tanh(vf x) {
  const vf e = v_expm1_neg(v_mul(v_abs(x), v_set1(-2.0f)));
  return v_copysign(v_div(e, v_add(e, v_set1(2.0f))), x);
}

VI vf v_sigmoid(vf x) {
  const vf z = v_exp(v_neg(v_abs(x))), d = v_add(z, v_set1(1.0f));
  return v_div(v_sel(v_lt(x, v_zero()), z, v_set1(1.0f)), d);
}

/* exp(x^2) erfc(x) for x >= 1. */
VI vf vm_erfcx(vf x) {
  const vf t = v_div(v_set1(1.0f), v_add(x, v_set1(1.0f)));
  vf q = v_set1(1.409637928e+00f);
  q = v_fma(q, t, v_set1(-3.027726173e+00f));
  q = v_fma(q, t, v_set1(1.605466008e+00f));
  q = v_fma(q, t, v_set1(1.133297324e+00f));
  q = v_fma(q, t, v_set1(-1.338353157e+00f));
  q = v_fma(q, t, v_set1(-1.230564043e-01f));
  q = v_fma(q, t, v_set1(2.584198415e-01f));
  q = v_fma(q, t, v_set1(5.662948489e-01f));
  q = v_fma(q, t, v_set1(5.640863776e-01f));
  return v_fma(q, t, v_set1(2.141990080e-06f));
}

/* exp(-share x^2), share 1 or 1/2, for x >= 0. x is cut to 12 bits so that its square is exact; the rest of the square is added apart. The
 * largest x gives 0. */
VI vf vm_exp_square(vf x, float share) {
  vf n;
  const vf near = v_min_raw(v_set1(share == 1.0f ? 10.25f : 14.5f), x);
  const vf head = v_from_bits(vi_and(v_bits(near), vi_set1((int32_t)0xfffff000)));
  const vf rest = v_mul(v_sub(head, near), v_add(head, near));
  const vf e = vm_exp_split(v_mul(v_set1(-share), v_mul(head, head)), v_mul(v_set1(share), rest), &n);
  return v_scale(v_add(e, v_set1(1.0f)), n);
}

/* erf(x) for |x| <= 1. */
VI vf vm_erf_near(vf x) {
  const vf s = v_mul(x, x);
  vf p = v_set1(-9.598256838e-06f);
  p = v_fma(p, s, v_set1(1.124371993e-04f));
  p = v_fma(p, s, v_set1(-8.481280529e-04f));
  p = v_fma(p, s, v_set1(5.220858846e-03f));
  p = v_fma(p, s, v_set1(-2.686537616e-02f));
  p = v_fma(p, s, v_set1(1.128378138e-01f));
  p = v_fma(p, s, v_set1(-3.761263788e-01f));
  p = v_fma(p, s, v_set1(1.128379226e+00f));
  return v_mul(p, x);
}

VI vf v_erf(vf x) {
  const vf a = v_abs(x), one = v_set1(1.0f);
  const vf beyond = v_max_raw(one, a);
  const vf far = v_copysign(v_fnma(vm_exp_square(beyond, 1.0f), vm_erfcx(beyond), one), x);
  return v_sel(v_lt(one, a), far, vm_erf_near(x));
}

/* The normal distribution's integral from -inf to x = erfc(-x / sqrt 2) / 2, precise in both tails. */
VI vf v_phi(vf x) {
  const vf t = v_mul(x, v_set1(0.70710678118654752f)), a = v_abs(t), one = v_set1(1.0f), half = v_set1(0.5f);
  const vf tail = v_mul(v_mul(half, vm_exp_square(v_abs(x), 0.5f)), vm_erfcx(v_max_raw(one, a)));
  const vf far = v_sel(v_lt(t, v_zero()), tail, v_sub(one, tail));
  return v_sel(v_lt(one, a), far, v_fma(half, vm_erf_near(t), half));
}

#endif
