/* SPDX-License-Identifier: Apache-2.0 */
/* angles.cl: trigonometric and hyperbolic functions, f32, 16 lanes at a time: a program of their own, as they are long and few models have any. */

#include "lane_math.cl"

/* Lane by lane: PoCL's vector functions are wrong for small arguments that stand in a vector with a huge one. */
#define EACH(NAME, F)              \
  float16 NAME(float16 x) {        \
    float lane[16];                \
    vstore16(x, 0, lane);          \
    for (int i = 0; i < 16; i++) lane[i] = F(lane[i]); \
    return vload16(0, lane);       \
  }
EACH(sin16, sin)
EACH(cos16, cos)
EACH(tan16, tan)

/* clang-format off */
float16 unary16(int kind, float16 x, float alpha, float beta) {
  switch (kind) {
    case 74: return sin16(x);
    case 75: return cos16(x);
    case 76: return tan16(x);
    case 77: return asin(x);
    case 78: return acos(x);
    case 79: return atan(x);
    case 80: return sinh(x);
    case 81: return cosh(x);
    case 82: return asinh(x);
    case 83: return acosh(x);
    case 84: return atanh(x);
    default: return x;
  }
}
/* clang-format on */

#include "unary.cl"
