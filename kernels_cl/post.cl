// SPDX-License-Identifier: Apache-2.0
// post.cl: what is applied to a result before it is stored: an activation, then a tensor of the output's shape and format added, then a
// second activation. Kinds are those of convoke/plugin.h, except 0: a clamp to alpha .. beta, which serves for relu, clip and, with infinite
// bounds, for none. NaN stays NaN. Included by conv and dense.

#include "lanes.cl"

#define POST_PARAMETERS                                                                                                      \
  int kind0, float alpha0, float beta0, global const float *add, ulong add_offset, int kind1, float alpha1, float beta1

static inline float16 clamp16(float16 v, float low, float high) {
  const float16 h = select(v, (float16)(low), v < low);
  return select(h, (float16)(high), h > high);
}

static inline float16 logistic16(float16 v) {
  const float16 e = exp(-fabs(v)), r = 1.0f / (1.0f + e);
  return select(e * r, r, v >= 0.0f);
}

static inline float16 activate16(float16 v, int kind, float alpha, float beta) {
  switch (kind) {
    case 33: return select(v, alpha * v, v < 0.0f);
    case 35: return logistic16(v);
    case 36: return tanh(v);
    case 37: return select(v, alpha * expm1(v), v < 0.0f);
    case 41: return clamp16(alpha * v + beta, 0.0f, 1.0f);
    case 42: return v * clamp16(alpha * v + beta, 0.0f, 1.0f);
    case 46: return v * logistic16(alpha * v);
    default: return v;
  }
}

// Both activations and the sum on a vector whose other operand, if any, is OTHER. A clamp stays in line: a call for each pixel would cost more
// than a depthwise pixel.
#define ACTIVATE16(V, KIND, ALPHA, BETA) ((KIND) == 0 ? clamp16(V, ALPHA, BETA) : activate16(V, KIND, ALPHA, BETA))
#define POST16(V, OTHER) ACTIVATE16(ACTIVATE16(V, kind0, alpha0, beta0) + (OTHER), kind1, alpha1, beta1)
