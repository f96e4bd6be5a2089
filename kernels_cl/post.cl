// SPDX-License-Identifier: Apache-2.0
// post.cl: what is applied to a result before it is stored: an activation, then a tensor of the output's shape and format added, then a
// second activation. Kinds are those of convoke/plugin.h, except 0: a clamp to alpha .. beta, which serves for relu, clip and, with infinite
// bounds, for none. NaN stays NaN. Included by conv and dense.

#include "lanes.cl"

#define POST_PARAMETERS                                                                                                      \
  int kind0, float alpha0, float beta0, global const float *add, ulong add_offset, int kind1, float alpha1, float beta1

#define POST_ARGUMENTS kind0, alpha0, beta0, add, add_offset, kind1, alpha1, beta1

// For vectors of 16 and for single floats.
#define POST_FUNCTIONS(T, N)                                                                                                 \
  static inline T clamp##N(T v, float low, float high) {                                                                     \
    const T h = v < low ? (T)(low) : v;                                                                                      \
    return h > high ? (T)(high) : h;                                                                                         \
  }                                                                                                                          \
  static inline T logistic##N(T v) {                                                                                         \
    const T e = exp(-fabs(v)), r = 1.0f / (1.0f + e);                                                                        \
    return v >= 0.0f ? r : e * r;                                                                                            \
  }                                                                                                                          \
  static inline T swish##N(T v, float alpha) { /* in halves: see swish16 of elementwise.cl */                               \
    const T e = exp(-0.5f * fabs(alpha * v)), r = 1.0f / (1.0f + e * e), left = (v * e) * (e * r);                           \
    return alpha * v >= 0.0f ? v * r : left;                                                                                 \
  }                                                                                                                          \
  static inline T activate##N(T v, int kind, float alpha, float beta) {                                                      \
    if (kind == 0) return clamp##N(v, alpha, beta); /* in the others' switch it would cost them all */                       \
    switch (kind) {                                                                                                          \
      case 33: return v < 0.0f ? alpha * v : v;                                                                              \
      case 35: return logistic##N(v);                                                                                        \
      case 36: return tanh(v);                                                                                               \
      case 37: return v < 0.0f ? alpha * expm1(v) : v;                                                                       \
      case 41: return clamp##N(alpha * v + beta, 0.0f, 1.0f);                                                                \
      case 42: return v * clamp##N(alpha * v + beta, 0.0f, 1.0f);                                                            \
      case 46: return swish##N(v, alpha);                                                                                    \
      default: return v;                                                                                                     \
    }                                                                                                                        \
  }

POST_FUNCTIONS(float16, 16)
POST_FUNCTIONS(float, 1)

// Both activations and the sum of a value whose other operand, 0 if there is none, is OTHER.
#define POST1(V, OTHER) activate1(activate1(V, kind0, alpha0, beta0) + (OTHER), kind1, alpha1, beta1)
#define POST16(V, OTHER) activate16(activate16(V, kind0, alpha0, beta0) + (OTHER), kind1, alpha1, beta1)

// Pixels from..to-1 of one row and block, at y + at and the following; `lanes`: channels of the block.
static inline void store_pixels(const float16 *v, int from, int to, long lanes, POST_PARAMETERS, global float *y, long at) {
  global const float16 *other = (global const float16 *)(add ? add + add_offset + at : 0);
  global float16 *to_y = (global float16 *)(y + at); // blocked tensors begin at multiples of 64 bytes
  if (kind0 == 0 && kind1 == 0 && lanes >= 16) {
    const int second = other || alpha1 > -INFINITY || beta1 < INFINITY;
#pragma unroll 1
    for (int p = from; p < to; p++) {
      float16 r = clamp16(v[p], alpha0, beta0);
      if (other) r += other[p];
      if (second) r = clamp16(r, alpha1, beta1);
      to_y[p] = r;
    }
    return;
  }
  for (int p = from; p < to; p++) {
    float16 u = (float16)(0.0f);
    if (other) u = other[p];
    to_y[p] = keep_lanes(POST16(v[p], u), lanes);
  }
}
