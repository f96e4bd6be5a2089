// SPDX-License-Identifier: Apache-2.0
// post.cl: what is applied to a result before it is stored: an activation, then a tensor of the output's shape and format added, then a
// second activation; each may be absent (kind 0, NULL). Kinds are those of convoke/plugin.h. NaN stays NaN. Included by conv and dense.

#include "lanes.cl"

#define POST_PARAMETERS                                                                                                      \
  int kind0, float alpha0, float beta0, global const float *add, ulong add_offset, int kind1, float alpha1, float beta1

#define POST_FUNCTIONS(T, SUFFIX)                                                                                            \
  static inline T logistic##SUFFIX(T v) {                                                                                    \
    const T e = exp(-fabs(v)), r = 1.0f / (1.0f + e);                                                                        \
    return select(e * r, r, v >= 0.0f);                                                                                      \
  }                                                                                                                          \
  static inline T activate##SUFFIX(T v, int kind, float alpha, float beta) {                                                 \
    const T zero = (T)(0.0f), one = (T)(1.0f);                                                                               \
    T h;                                                                                                                     \
    switch (kind) {                                                                                                          \
      case 32: return select(v, zero, v < zero);                                                                             \
      case 33: return select(v, alpha * v, v < zero);                                                                        \
      case 35: return logistic##SUFFIX(v);                                                                                   \
      case 36: return tanh(v);                                                                                               \
      case 37: return select(v, alpha * expm1(v), v < zero);                                                                 \
      case 40:                                                                                                               \
        h = select(v, (T)(alpha), v < (T)(alpha));                                                                           \
        return select(h, (T)(beta), h > (T)(beta));                                                                          \
      case 41:                                                                                                               \
      case 42:                                                                                                               \
        h = alpha * v + beta;                                                                                                \
        h = select(h, zero, h < zero);                                                                                       \
        h = select(h, one, h > one);                                                                                         \
        return kind == 41 ? h : v * h;                                                                                       \
      case 46: return v * logistic##SUFFIX(alpha * v);                                                                       \
      default: return v;                                                                                                     \
    }                                                                                                                        \
  }

POST_FUNCTIONS(float16, 16)

// Both activations and the sum on a vector whose other operand, if any, is `other`.
#define POST16(V, OTHER) activate16(activate16(V, kind0, alpha0, beta0) + (OTHER), kind1, alpha1, beta1)
