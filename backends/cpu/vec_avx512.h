/* SPDX-License-Identifier: Apache-2.0 */
/* vec_avx512.h: vec.h's types and primitives on AVX-512 F, DQ, BW, VL: 16 lanes, lane masks in mask registers. */
#include <immintrin.h>

#define VL 16
#define V_REGISTERS 32
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

VI vm v_mask_n(int64_t n) { return (vm)((1u << n) - 1u); }
VI vf v_load(const float *p) { return _mm512_loadu_ps(p); }
VI void v_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
VI vf v_load_n(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_mask_n(n), p); }
VI void v_store_n(float *p, vf a, int64_t n) { _mm512_mask_storeu_ps(p, v_mask_n(n), a); }
VI vf v_set1(float x) { return _mm512_set1_ps(x); }

VI vf v_add(vf a, vf b) { return _mm512_add_ps(a, b); }
VI vf v_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VI vf v_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VI vf v_div(vf a, vf b) { return _mm512_div_ps(a, b); }
VI vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VI vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VI vf v_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a b */
VI vf v_max_raw(vf a, vf b) { return _mm512_max_ps(a, b); }
VI vf v_min_raw(vf a, vf b) { return _mm512_min_ps(a, b); }
VI vf v_floor(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
VI vf v_ceil(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
VI vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

VI vm v_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VI vm v_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
VI vm v_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VI vm v_ne(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
VI vm vm_and(vm a, vm b) { return (vm)(a & b); }
VI vm vm_or(vm a, vm b) { return (vm)(a | b); }
VI vm vm_not(vm a) { return (vm)~a; }
VI int vm_any(vm a) { return a != 0; }
VI vf v_sel(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); } /* m ? a : b */
/* Sum of the lanes in a fixed order: halves, then halves of halves. */
VI float v_sum(vf a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m128 quad = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_add_ps(quad, _mm_movehl_ps(quad, quad));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
/* Lanes 0, 2, ... of a, then lanes 1, 3, ... of b. */
VI vf v_even_odd(vf a, vf b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31), b);
}

VI vf v_even(vf a, vf b) { /* the even lanes of a, then of b */
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}
VI vf v_odd(vf a, vf b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}
/* a0 b0 a1 b1 ...: the first and the last VL of these. */
VI vf v_zip_low(vf a, vf b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
}
VI vf v_zip_high(vf a, vf b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b);
}
VI vf v_permute(vf a, vi from) { return _mm512_permutexvar_ps(from, a); } /* lane i is lane from[i] of a, 0 <= from[i] < VL */
VI vf v_next(vf a, vf b) { /* lanes 1 to VL-1 of a, then lane 0 of b */
  return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), 1));
}
VI vf v_prev(vf a, vf b) { /* the last lane of a, then lanes 0 to VL-2 of b */
  return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), 15));
}

VI vi v_to_int(vf a) { return _mm512_cvtps_epi32(a); } /* nearest even */
VI vf v_from_int(vi a) { return _mm512_cvtepi32_ps(a); }
#define V_SCALE
VI vf v_scale(vf a, vf n) { return _mm512_scalef_ps(a, n); }
VI vi v_bits(vf a) { return _mm512_castps_si512(a); }
VI vf v_from_bits(vi a) { return _mm512_castsi512_ps(a); }
VI vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
VI vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
VI void vi_store(int32_t *p, vi a) { _mm512_storeu_si512(p, a); }
VI vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
VI vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
VI vi vi_and(vi a, vi b) { return _mm512_and_si512(a, b); }
VI vi vi_or(vi a, vi b) { return _mm512_or_si512(a, b); }
VI vi vi_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
VI vi vi_shl(vi a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
VI vi vi_shr(vi a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); } /* zeros come in */
VI vi vi_sar(vi a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); } /* the sign comes in */

#define V_GATHER
VI vf v_gather(const float *p, const int32_t *at) { return _mm512_i32gather_ps(vi_load(at), p, 4); }

/* Rows become columns: 4x4 within quarters, then a 4x4 transposition of quarters. */
VI void v_transpose(vf r[VL]) {
  vf t[VL];
#pragma GCC unroll 4
  for (int q = 0; q < 16; q += 4) {
    const vf a = _mm512_unpacklo_ps(r[q], r[q + 1]), b = _mm512_unpackhi_ps(r[q], r[q + 1]);
    const vf c = _mm512_unpacklo_ps(r[q + 2], r[q + 3]), d = _mm512_unpackhi_ps(r[q + 2], r[q + 3]);
    t[q] = _mm512_shuffle_ps(a, c, 0x44);
    t[q + 1] = _mm512_shuffle_ps(a, c, 0xee);
    t[q + 2] = _mm512_shuffle_ps(b, d, 0x44);
    t[q + 3] = _mm512_shuffle_ps(b, d, 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    const vf a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    const vf c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
    r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
    r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}
