/* SPDX-License-Identifier: Apache-2.0 */
/* vec_neon.h: vec.h's types and primitives on aarch64's Advanced SIMD: 4 lanes, lane masks as all-ones integers. */
#include <arm_neon.h>

#define VL 4
#define V_REGISTERS 32
typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;

VI vm v_mask_n(int64_t n) { return vcgtq_s32(vdupq_n_s32((int32_t)n), (int32x4_t){0, 1, 2, 3}); }
VI vf v_load(const float *p) { return vld1q_f32(p); }
VI void v_store(float *p, vf a) { vst1q_f32(p, a); }
VI vf v_set1(float x) { return vdupq_n_f32(x); }
VI vf v_load_n(const float *p, int64_t n) {
  if (n >= 4) return vld1q_f32(p);
  float t[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return vld1q_f32(t);
}
VI void v_store_n(float *p, vf a, int64_t n) {
  if (n >= 4) {
    vst1q_f32(p, a);
    return;
  }
  float t[4];
  vst1q_f32(t, a);
  for (int64_t i = 0; i < n; i++) p[i] = t[i];
}

VI vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
VI vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
VI vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
VI vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
VI vf v_sqrt(vf a) { return vsqrtq_f32(a); }
VI vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
VI vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); } /* c - a b */
VI vf v_floor(vf a) { return vrndmq_f32(a); }
VI vf v_ceil(vf a) { return vrndpq_f32(a); }
VI vf v_round(vf a) { return vrndnq_f32(a); }

VI vm v_lt(vf a, vf b) { return vcltq_f32(a, b); }
VI vm v_le(vf a, vf b) { return vcleq_f32(a, b); }
VI vm v_eq(vf a, vf b) { return vceqq_f32(a, b); }
VI vm v_ne(vf a, vf b) { return vmvnq_u32(vceqq_f32(a, b)); }
VI vm vm_and(vm a, vm b) { return vandq_u32(a, b); }
VI vm vm_or(vm a, vm b) { return vorrq_u32(a, b); }
VI vm vm_not(vm a) { return vmvnq_u32(a); }
VI int vm_any(vm a) { return vmaxvq_u32(a) != 0; }
VI vf v_sel(vm m, vf a, vf b) { return vbslq_f32(m, a, b); } /* m ? a : b */
/* FMAX and FMIN give NaN when either is NaN: what v_max and v_min want, not these. */
VI vf v_max_raw(vf a, vf b) { return v_sel(v_lt(b, a), a, b); }
VI vf v_min_raw(vf a, vf b) { return v_sel(v_lt(a, b), a, b); }
#define V_MAX_MIN
VI vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
VI vf v_min(vf a, vf b) { return vminq_f32(a, b); }
/* Sum of the lanes in a fixed order: halves, then halves of halves. */
VI float v_sum(vf a) { return vaddv_f32(vadd_f32(vget_low_f32(a), vget_high_f32(a))); }
/* Lanes 0, 2, ... of a, then lanes 1, 3, ... of b. */
VI vf v_even_odd(vf a, vf b) { return vcombine_f32(vget_low_f32(vuzp1q_f32(a, a)), vget_low_f32(vuzp2q_f32(b, b))); }

VI vf v_even(vf a, vf b) { return vuzp1q_f32(a, b); } /* the even lanes of a, then of b */
VI vf v_odd(vf a, vf b) { return vuzp2q_f32(a, b); }
/* a0 b0 a1 b1 ...: the first and the last VL of these. */
VI vf v_zip_low(vf a, vf b) { return vzip1q_f32(a, b); }
VI vf v_zip_high(vf a, vf b) { return vzip2q_f32(a, b); }
VI vf v_permute(vf a, vi from) { /* lane i is lane from[i] of a, 0 <= from[i] < VL; by bytes */
  const int32x4_t bytes = vmlaq_s32(vdupq_n_s32(0x03020100), from, vdupq_n_s32(0x04040404));
  return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a), vreinterpretq_u8_s32(bytes)));
}
VI vf v_next(vf a, vf b) { return vextq_f32(a, b, 1); } /* lanes 1 to 3 of a, 0 of b */
VI vf v_prev(vf a, vf b) { return vextq_f32(a, b, 3); } /* lane 3 of a, 0 to 2 of b */

VI vi v_to_int(vf a) { return vcvtnq_s32_f32(a); } /* nearest even */
VI vf v_from_int(vi a) { return vcvtq_f32_s32(a); }
VI vi v_bits(vf a) { return vreinterpretq_s32_f32(a); }
VI vf v_from_bits(vi a) { return vreinterpretq_f32_s32(a); }
VI vi vi_set1(int32_t x) { return vdupq_n_s32(x); }
VI vi vi_load(const int32_t *p) { return vld1q_s32(p); }
VI void vi_store(int32_t *p, vi a) { vst1q_s32(p, a); }
VI vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
VI vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
VI vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
VI vi vi_or(vi a, vi b) { return vorrq_s32(a, b); }
VI vi vi_xor(vi a, vi b) { return veorq_s32(a, b); }
VI vi vi_shl(vi a, int n) { return vshlq_s32(a, vdupq_n_s32(n)); }
VI vi vi_shr(vi a, int n) { return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-n))); } /* zeros come in */
VI vi vi_sar(vi a, int n) { return vshlq_s32(a, vdupq_n_s32(-n)); } /* the sign comes in */

/* Rows become columns: pairs within 64 bits, then the halves. */
VI void v_transpose(vf r[VL]) {
  const vf a = vtrn1q_f32(r[0], r[1]), b = vtrn2q_f32(r[0], r[1]), c = vtrn1q_f32(r[2], r[3]), d = vtrn2q_f32(r[2], r[3]);
  r[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
  r[1] = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
  r[2] = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
  r[3] = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}
