/* SPDX-License-Identifier: Apache-2.0 */
/* vec_scalar.h: vec.h's types and primitives in plain C over the compiler's generic vectors: 4 lanes, any architecture; v_fma rounds twice. */
#include <math.h>

#define VL 4
#define V_REGISTERS 16
typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef vi vm; /* all ones: true */

VI vm v_mask_n(int64_t n) { return (vi){n > 0 ? -1 : 0, n > 1 ? -1 : 0, n > 2 ? -1 : 0, n > 3 ? -1 : 0}; }
VI vf v_load(const float *p) { return (vf){p[0], p[1], p[2], p[3]}; }
VI void v_store(float *p, vf a) {
  for (int i = 0; i < 4; i++) p[i] = a[i];
}
VI vf v_load_n(const float *p, int64_t n) {
  float t[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) t[i] = p[i];
  return v_load(t);
}
VI void v_store_n(float *p, vf a, int64_t n) {
  float t[4];
  v_store(t, a);
  for (int64_t i = 0; i < n; i++) p[i] = t[i];
}
VI vf v_set1(float x) { return (vf){x, x, x, x}; }

VI vi v_bits(vf a) { return (vi)a; }
VI vf v_from_bits(vi a) { return (vf)a; }
VI vf v_add(vf a, vf b) { return a + b; }
VI vf v_sub(vf a, vf b) { return a - b; }
VI vf v_mul(vf a, vf b) { return a * b; }
VI vf v_div(vf a, vf b) { return a / b; }
VI vf v_sqrt(vf a) { return (vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])}; }
VI vf v_fma(vf a, vf b, vf c) { return a * b + c; }
VI vf v_fnma(vf a, vf b, vf c) { return c - a * b; } /* c - a b */
VI vf v_floor(vf a) { return (vf){floorf(a[0]), floorf(a[1]), floorf(a[2]), floorf(a[3])}; }
VI vf v_ceil(vf a) { return (vf){ceilf(a[0]), ceilf(a[1]), ceilf(a[2]), ceilf(a[3])}; }
VI vf v_round(vf a) { return (vf){rintf(a[0]), rintf(a[1]), rintf(a[2]), rintf(a[3])}; }

VI vm v_lt(vf a, vf b) { return (vi)(a < b); }
VI vm v_le(vf a, vf b) { return (vi)(a <= b); }
VI vm v_eq(vf a, vf b) { return (vi)(a == b); }
VI vm v_ne(vf a, vf b) { return (vi)(a != b); }
VI vm vm_and(vm a, vm b) { return a & b; }
VI vm vm_or(vm a, vm b) { return a | b; }
VI vm vm_not(vm a) { return ~a; }
VI int vm_any(vm a) { return (a[0] | a[1] | a[2] | a[3]) != 0; }
VI vf v_sel(vm m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); } /* m ? a : b */
/* Sum of the lanes in a fixed order: halves, then halves of halves. */
VI float v_sum(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }
/* Lanes 0, 2, ... of a, then lanes 1, 3, ... of b. */
VI vf v_even_odd(vf a, vf b) { return (vf){a[0], a[2], b[1], b[3]}; }
VI vf v_even(vf a, vf b) { return (vf){a[0], a[2], b[0], b[2]}; }
VI vf v_odd(vf a, vf b) { return (vf){a[1], a[3], b[1], b[3]}; }
/* a0 b0 a1 b1 ...: the first and the last VL of these. */
VI vf v_zip_low(vf a, vf b) { return (vf){a[0], b[0], a[1], b[1]}; }
VI vf v_zip_high(vf a, vf b) { return (vf){a[2], b[2], a[3], b[3]}; }
VI vf v_permute(vf a, vi from) { return (vf){a[from[0]], a[from[1]], a[from[2]], a[from[3]]}; } /* 0 <= from[i] < VL */
VI vf v_next(vf a, vf b) { return (vf){a[1], a[2], a[3], b[0]}; } /* lanes 1 to 3 of a, 0 of b */
VI vf v_prev(vf a, vf b) { return (vf){a[3], b[0], b[1], b[2]}; } /* lane 3 of a, 0 to 2 of b */
VI vf v_max_raw(vf a, vf b) { return v_sel(v_lt(b, a), a, b); }
VI vf v_min_raw(vf a, vf b) { return v_sel(v_lt(a, b), a, b); }

VI int32_t v_lane_to_int(float x) { return x >= -2147483648.0f && x < 2147483648.0f ? (int32_t)rintf(x) : INT32_MIN; }
VI vi v_to_int(vf a) { /* nearest even */
  return (vi){v_lane_to_int(a[0]), v_lane_to_int(a[1]), v_lane_to_int(a[2]), v_lane_to_int(a[3])};
}
VI vf v_from_int(vi a) { return (vf){(float)a[0], (float)a[1], (float)a[2], (float)a[3]}; }
VI vi vi_set1(int32_t x) { return (vi){x, x, x, x}; }
VI vi vi_load(const int32_t *p) { return (vi){p[0], p[1], p[2], p[3]}; }
VI void vi_store(int32_t *p, vi a) {
  for (int i = 0; i < 4; i++) p[i] = a[i];
}
VI vi vi_unsigned_add(vi a, vi b) { /* wraps */
  typedef uint32_t vu __attribute__((vector_size(16)));
  return (vi)((vu)a + (vu)b);
}
VI vi vi_add(vi a, vi b) { return vi_unsigned_add(a, b); }
VI vi vi_sub(vi a, vi b) { return vi_unsigned_add(a, vi_unsigned_add(~b, vi_set1(1))); }
VI vi vi_and(vi a, vi b) { return a & b; }
VI vi vi_or(vi a, vi b) { return a | b; }
VI vi vi_xor(vi a, vi b) { return a ^ b; }
VI vi vi_shl(vi a, int n) {
  typedef uint32_t vu __attribute__((vector_size(16)));
  return (vi)((vu)a << n);
}
VI vi vi_shr(vi a, int n) { /* zeros come in */
  typedef uint32_t vu __attribute__((vector_size(16)));
  return (vi)((vu)a >> n);
}
VI vi vi_sar(vi a, int n) { return a >> n; } /* the sign comes in */

/* Rows become columns. */
VI void v_transpose(vf r[VL]) {
  for (int i = 0; i < VL; i++)
    for (int j = 0; j < i; j++) {
      const float t = r[i][j];
      r[i][j] = r[j][i];
      r[j][i] = t;
    }
}
