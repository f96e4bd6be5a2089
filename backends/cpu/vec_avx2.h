/* SPDX-License-Identifier: Apache-2.0 */
/* vec_avx2.h: vec.h's types and primitives on AVX2 with FMA: 8 lanes, lane masks as all-ones floats. */
#include <immintrin.h>

#define VL 8
#define V_REGISTERS 16
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

VI vi v_mask_n_int(int64_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
VI vm v_mask_n(int64_t n) { return _mm256_castsi256_ps(v_mask_n_int(n)); }
VI vf v_load(const float *p) { return _mm256_loadu_ps(p); }
VI void v_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
VI vf v_load_n(const float *p, int64_t n) { return _mm256_maskload_ps(p, v_mask_n_int(n)); }
VI void v_store_n(float *p, vf a, int64_t n) { _mm256_maskstore_ps(p, v_mask_n_int(n), a); }
VI vf v_set1(float x) { return _mm256_set1_ps(x); }

VI vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
VI vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
VI vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
VI vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
VI vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
VI vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
VI vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a b */
VI vf v_max_raw(vf a, vf b) { return _mm256_max_ps(a, b); }
VI vf v_min_raw(vf a, vf b) { return _mm256_min_ps(a, b); }
VI vf v_floor(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
VI vf v_ceil(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
VI vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

VI vm v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
VI vm v_le(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
VI vm v_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
VI vm v_ne(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
VI vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
VI vm vm_or(vm a, vm b) { return _mm256_or_ps(a, b); }
VI vm vm_not(vm a) { return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1))); }
VI int vm_any(vm a) { return _mm256_movemask_ps(a) != 0; }
VI vf v_sel(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); } /* m ? a : b */
/* Sum of the lanes in a fixed order: halves, then halves of halves. */
VI float v_sum(vf a) {
  const __m128 quad = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 pair = _mm_add_ps(quad, _mm_movehl_ps(quad, quad));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
/* Lanes 0, 2, ... of a, then lanes 1, 3, ... of b. */
VI vf v_even_odd(vf a, vf b) {
  const __m256i lanes = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
  return _mm256_blend_ps(_mm256_permutevar8x32_ps(a, lanes), _mm256_permutevar8x32_ps(b, lanes), 0xf0);
}

VI vf v_in_order(vf a) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(a), 0xd8)); } /* pairs 0, 2, 1, 3 */
VI vf v_even(vf a, vf b) { return v_in_order(_mm256_shuffle_ps(a, b, 0x88)); } /* the even lanes of a, then of b */
VI vf v_odd(vf a, vf b) { return v_in_order(_mm256_shuffle_ps(a, b, 0xdd)); }
/* a0 b0 a1 b1 ...: the first and the last VL of these. */
VI vf v_zip_low(vf a, vf b) { return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20); }
VI vf v_zip_high(vf a, vf b) { return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31); }
VI vf v_permute(vf a, vi from) { return _mm256_permutevar8x32_ps(a, from); } /* lane i is lane from[i] of a, 0 <= from[i] < VL */
VI vf v_next(vf a, vf b) { /* lanes 1 to VL-1 of a, then lane 0 of b */
  const __m256i x = _mm256_castps_si256(a), middle = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
  return _mm256_castsi256_ps(_mm256_alignr_epi8(middle, x, 4));
}
VI vf v_prev(vf a, vf b) { /* the last lane of a, then lanes 0 to VL-2 of b */
  const __m256i y = _mm256_castps_si256(b), middle = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
  return _mm256_castsi256_ps(_mm256_alignr_epi8(y, middle, 12));
}

VI vi v_to_int(vf a) { return _mm256_cvtps_epi32(a); } /* nearest even */
VI vf v_from_int(vi a) { return _mm256_cvtepi32_ps(a); }
VI vi v_bits(vf a) { return _mm256_castps_si256(a); }
VI vf v_from_bits(vi a) { return _mm256_castsi256_ps(a); }
VI vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
VI vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
VI void vi_store(int32_t *p, vi a) { _mm256_storeu_si256((__m256i *)p, a); }
VI vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
VI vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
VI vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
VI vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
VI vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
VI vi vi_shl(vi a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
VI vi vi_shr(vi a, int n) { return _mm256_srl_epi32(a, _mm_cvtsi32_si128(n)); } /* zeros come in */
VI vi vi_sar(vi a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); } /* the sign comes in */

#define V_GATHER
VI vf v_gather(const float *p, const int32_t *at) { return _mm256_i32gather_ps(p, vi_load(at), 4); }

/* Rows become columns: 4x4 within halves, then halves change places. */
VI void v_transpose(vf r[VL]) {
  vf t[VL];
#pragma GCC unroll 2
  for (int h = 0; h < 8; h += 4) {
    const vf a = _mm256_unpacklo_ps(r[h], r[h + 1]), b = _mm256_unpackhi_ps(r[h], r[h + 1]);
    const vf c = _mm256_unpacklo_ps(r[h + 2], r[h + 3]), d = _mm256_unpackhi_ps(r[h + 2], r[h + 3]);
    t[h] = _mm256_shuffle_ps(a, c, 0x44);
    t[h + 1] = _mm256_shuffle_ps(a, c, 0xee);
    t[h + 2] = _mm256_shuffle_ps(b, d, 0x44);
    t[h + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}
