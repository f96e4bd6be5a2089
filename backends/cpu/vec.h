/* SPDX-License-Identifier: Apache-2.0 */
/* vec.h: the one vector header. A kernel is written once over vf (VL floats), vi (VL int32) and vm (VL lane mask) and compiled once per
 * instruction set; CVK_ISA is the suffix (scalar, sse41, avx2, avx512, neon) that the build defines; V_REGISTERS is how many vf the machine
 * holds. Loads and stores need element alignment only; the _n forms touch
 * exactly n elements (0 <= n <= VL) and fill the other lanes with zero. Everything is static inline: no symbol compiled with wide flags may
 * leave its library. v_to_int of what has no int32 is some int32. */
#ifndef CVK_CPU_VEC_H
#define CVK_CPU_VEC_H

#include <stdint.h>
#include <string.h>

#define CVK_ISA_JOIN2(A, B) A##_##B
#define CVK_ISA_JOIN(A, B) CVK_ISA_JOIN2(A, B)
#define CVK_ISA_FN(NAME) CVK_ISA_JOIN(NAME, CVK_ISA) /* the symbol of this instruction set's copy */
#define CVK_ISA_STR2(A) #A
#define CVK_ISA_STR(A) CVK_ISA_STR2(A)
#define CVK_ISA_ROW(NAME) NAME "_" CVK_ISA_STR(CVK_ISA) /* "conv_direct_avx512" */

#define VI static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#include "vec_avx512.h"
#elif defined(__AVX2__)
#include "vec_avx2.h"
#elif defined(__SSE4_1__)
#include "vec_sse41.h"
#elif defined(CVK_NEON)
#include "vec_neon.h"
#else
#include "vec_scalar.h"
#endif

/* What follows is the same on every instruction set. */

/* Products summed in a register before they join a total. The square of a sum's rounding errors grows with the square of the chains' length and
 * with the number of chains: short chains suit short sums, but each joining costs as much as a product. */
enum { V_CHAIN = 32, V_SHORT_CHAIN = 16 };

/* a, of which the compiler no longer knows that memory holds it too: it stays in a register and is not loaded again at each use. */
#if defined(__AVX512F__)
#define V_OPERAND "+v"
#elif defined(__x86_64__) || defined(__i386__)
#define V_OPERAND "+x"
#elif defined(__aarch64__)
#define V_OPERAND "+w"
#else
#define V_OPERAND "+m"
#endif
VI vf v_opaque(vf a) {
  __asm__("" : V_OPERAND(a));
  return a;
}

VI vf v_zero(void) { return v_set1(0.0f); }
VI vf v_neg(vf a) { return v_from_bits(vi_xor(v_bits(a), vi_set1(INT32_MIN))); }
VI vf v_abs(vf a) { return v_from_bits(vi_and(v_bits(a), vi_set1(INT32_MAX))); }
VI vm v_isnan(vf a) { return v_ne(a, a); }
VI vm v_gt(vf a, vf b) { return v_lt(b, a); }
VI vm v_ge(vf a, vf b) { return v_le(b, a); }

/* max and min as ONNX means them: a NaN on either side wins. v_max_raw and v_min_raw (one instruction on x86) give b when either is NaN,
 * so v_max_raw(limit, x) lets a NaN of x through. V_MAX_MIN: the instruction set's header has v_max and v_min. */
#ifndef V_MAX_MIN
VI vf v_max(vf a, vf b) { return v_sel(v_eq(a, a), v_max_raw(a, b), a); } /* in this order AVX-512 masks the maximum itself */
VI vf v_min(vf a, vf b) { return v_sel(v_eq(a, a), v_min_raw(a, b), a); }
#endif

/* lo <= x <= hi; a NaN x stays. */
VI vf v_clamp(vf x, vf lo, vf hi) { return v_min_raw(hi, v_max_raw(lo, x)); }

/* a 2^n for integral n in -252..254, subnormal or infinite where that is the result: in two steps, as one factor may be neither. V_SCALE: the
 * instruction set's header has it. */
#ifndef V_SCALE
VI vf v_scale(vf a, vf n) {
  const vi whole = v_to_int(n), half = vi_sar(whole, 1), bias = vi_set1(127);
  const vf first = v_from_bits(vi_shl(vi_add(half, bias), 23)), second = v_from_bits(vi_shl(vi_add(vi_sub(whole, half), bias), 23));
  return v_mul(v_mul(a, first), second);
}
#endif

/* Elements p[0], p[stride], ... */
VI vf v_load_strided(const float *p, int64_t stride) {
  float t[VL];
  for (int i = 0; i < VL; i++) t[i] = p[i * stride];
  return v_load(t);
}
VI vf v_load_strided_n(const float *p, int64_t stride, int64_t n) {
  float t[VL] = {0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i * stride];
  return v_load(t);
}

/* Elements p[at[0]], p[at[1]], ... V_GATHER: the instruction set's header has it. */
#ifndef V_GATHER
VI vf v_gather(const float *p, const int32_t *at) {
  float t[VL];
  for (int i = 0; i < VL; i++) t[i] = p[at[i]];
  return v_load(t);
}
#endif

/* Elements p[0], p[2], ...: the last one read is the last one wanted. */
VI vf v_load_even(const float *p) { return v_even_odd(v_load(p), v_load(p + VL - 1)); }
VI vf v_load_even_n(const float *p, int64_t n) {
  const int64_t last = 2 * n - 1; /* elements from the first to the last wanted */
  if (last < VL) return v_even_odd(v_load_n(p, last > 0 ? last : 0), v_zero());
  return v_even_odd(v_load(p), v_load_n(p + VL - 1, last - (VL - 1)));
}

/* Adds x to the sum *s + *e, of which *e is what roundings lost (Knuth's TwoSum). v_joined gives the sum in one number; where it is not finite
 * the loss means nothing. For the few additions of a long sum's parts, which would otherwise round most. */
VI void v_add_to(vf *s, vf *e, vf x) {
  const vf t = v_add(*s, x), part = v_sub(t, *s);
  *e = v_add(*e, v_add(v_sub(*s, v_sub(t, part)), v_sub(x, part)));
  *s = t;
}
VI vf v_joined(vf s, vf e) { return v_sel(v_isnan(e), s, v_add(s, e)); }

/* The first n lanes of a, zero in the others. */
VI vf v_first(vf a, int64_t n) { return v_sel(v_mask_n(n), a, v_zero()); }

#endif
