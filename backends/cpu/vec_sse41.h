/* SPDX-License-Identifier: Apache-2.0 */
/* vec_sse41.h: vec.h's types and primitives on SSE4.1: 4 lanes, lane masks as all-ones floats; v_fma rounds twice. */
#include <smmintrin.h>

#define VL 4
#define V_REGISTERS 16
typedef __m128 vf;
typedef __m128i vi;
typedef __m128 vm;

VI vm v_mask_n(int64_t n) { return _mm_castsi128_ps(_mm_cmpgt_epi32(_mm_set1_epi32((int)n), _mm_setr_epi32(0, 1, 2, 3))); }
VI vf v_load(const float *p) { return _mm_loadu_ps(p); }
VI void v_store(float *p, vf a) { _mm_storeu_ps(p, a); }
VI vf v_load_n(const float *p, int64_t n) {
  if (n >= 4) return _mm_loadu_ps(p);
  float t[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return _mm_loadu_ps(t);
}
VI void v_store_n(float *p, vf a, int64_t n) {
  if (n >= 4) {
    _mm_storeu_ps(p, a);
    return;
  }
  float t[4];
  _mm_storeu_ps(t, a);
  for (int64_t i = 0; i < n; i++) p[i] = t[i];
}
VI vf v_set1(float x) { return _mm_set1_ps(x); }

VI vf v_add(vf a, vf b) { return _mm_add_ps(a, b); }
VI vf v_sub(vf a, vf b) { return _mm_sub_ps(a, b); }
VI vf v_mul(vf a, vf b) { return _mm_mul_ps(a, b); }
VI vf v_div(vf a, vf b) { return _mm_div_ps(a, b); }
VI vf v_sqrt(vf a) { return _mm_sqrt_ps(a); }
VI vf v_fma(vf a, vf b, vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
VI vf v_fnma(vf a, vf b, vf c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); } /* c - a b */
VI vf v_max_raw(vf a, vf b) { return _mm_max_ps(a, b); }
VI vf v_min_raw(vf a, vf b) { return _mm_min_ps(a, b); }
VI vf v_floor(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
VI vf v_ceil(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
VI vf v_round(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

VI vm v_lt(vf a, vf b) { return _mm_cmplt_ps(a, b); }
VI vm v_le(vf a, vf b) { return _mm_cmple_ps(a, b); }
VI vm v_eq(vf a, vf b) { return _mm_cmpeq_ps(a, b); }
VI vm v_ne(vf a, vf b) { return _mm_cmpneq_ps(a, b); }
VI vm vm_and(vm a, vm b) { return _mm_and_ps(a, b); }
VI vm vm_or(vm a, vm b) { return _mm_or_ps(a, b); }
VI vm vm_not(vm a) { return _mm_xor_ps(a, _mm_castsi128_ps(_mm_set1_epi32(-1))); }
VI int vm_any(vm a) { return _mm_movemask_ps(a) != 0; }
VI vf v_sel(vm m, vf a, vf b) { return _mm_blendv_ps(b, a, m); } /* m ? a : b */
/* Sum of the lanes in a fixed order: halves, then halves of halves. */
VI float v_sum(vf quad) {
  const __m128 pair = _mm_add_ps(quad, _mm_movehl_ps(quad, quad));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
/* Lanes 0, 2, ... of a, then lanes 1, 3, ... of b. */
VI vf v_even_odd(vf a, vf b) { return _mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 2, 0)); }

VI vf v_even(vf a, vf b) { return _mm_shuffle_ps(a, b, 0x88); } /* the even lanes of a, then of b */
VI vf v_odd(vf a, vf b) { return _mm_shuffle_ps(a, b, 0xdd); }
/* a0 b0 a1 b1 ...: the first and the last VL of these. */
VI vf v_zip_low(vf a, vf b) { return _mm_unpacklo_ps(a, b); }
VI vf v_zip_high(vf a, vf b) { return _mm_unpackhi_ps(a, b); }
VI vf v_permute(vf a, vi from) { /* lane i is lane from[i] of a, 0 <= from[i] < VL; by bytes */
  const vi bytes = _mm_add_epi8(_mm_mullo_epi32(from, _mm_set1_epi32(0x04040404)), _mm_set1_epi32(0x03020100));
  return _mm_castsi128_ps(_mm_shuffle_epi8(_mm_castps_si128(a), bytes));
}
VI vf v_next(vf a, vf b) { return _mm_castsi128_ps(_mm_alignr_epi8(_mm_castps_si128(b), _mm_castps_si128(a), 4)); } /* lanes 1 to 3 of a, 0 of b */
VI vf v_prev(vf a, vf b) { return _mm_castsi128_ps(_mm_alignr_epi8(_mm_castps_si128(b), _mm_castps_si128(a), 12)); } /* lane 3 of a, 0 to 2 of b */

VI vi v_to_int(vf a) { return _mm_cvtps_epi32(a); } /* nearest even */
VI vf v_from_int(vi a) { return _mm_cvtepi32_ps(a); }
VI vi v_bits(vf a) { return _mm_castps_si128(a); }
VI vf v_from_bits(vi a) { return _mm_castsi128_ps(a); }
VI vi vi_set1(int32_t x) { return _mm_set1_epi32(x); }
VI vi vi_load(const int32_t *p) { return _mm_loadu_si128((const __m128i *)p); }
VI void vi_store(int32_t *p, vi a) { _mm_storeu_si128((__m128i *)p, a); }
VI vi vi_add(vi a, vi b) { return _mm_add_epi32(a, b); }
VI vi vi_sub(vi a, vi b) { return _mm_sub_epi32(a, b); }
VI vi vi_and(vi a, vi b) { return _mm_and_si128(a, b); }
VI vi vi_or(vi a, vi b) { return _mm_or_si128(a, b); }
VI vi vi_xor(vi a, vi b) { return _mm_xor_si128(a, b); }
VI vi vi_shl(vi a, int n) { return _mm_sll_epi32(a, _mm_cvtsi32_si128(n)); }
VI vi vi_shr(vi a, int n) { return _mm_srl_epi32(a, _mm_cvtsi32_si128(n)); } /* zeros come in */
VI vi vi_sar(vi a, int n) { return _mm_sra_epi32(a, _mm_cvtsi32_si128(n)); } /* the sign comes in */

/* Rows become columns. */
VI void v_transpose(vf r[VL]) { _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]); }
