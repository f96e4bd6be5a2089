/* SPDX-License-Identifier: Apache-2.0 */
/* elementwise.cl: y = f(x), y = f(a, b), comparisons and choices; f32, 16 lanes at a time. Operands of two and three inputs are views of
 * up to 8 axes with a stride of 0 where they broadcast; the output is dense. An item takes `per_item` elements of the innermost axis in
 * each of `rows_per_item` rows. Blocked tensors: `tail` is the number of lanes in use in the last channel block (0: nothing to keep
 * zero). Every offset counts elements. Kinds are those of convoke/plugin.h. */

#include "lane_math.cl"

float16 sigmoid16(float16 x) {
  const float16 e = exp(-fabs(x)), r = 1.0f / (1.0f + e); /* never overflows; exact on both far ends */
  return select(e * r, r, x >= 0.0f);
}

/* Exactly 1 far out, which the tanh of a driver need not be, and at the price of one exp. Below 0.35, where 1 - e would cancel, the odd
 * Taylor polynomial: its next term is under 2^-26 of the result. */
float16 tanh16(float16 x) {
  const float16 m = fabs(x), e = exp(-2.0f * m), s = x * x;
  const float16 series = -0.0088632355f * s + 0.021869489f, inner = ((series * s - 0.053968254f) * s + 0.13333333f) * s - 0.33333333f;
  return select(copysign((1.0f - e) / (1.0f + e), x), x + x * s * inner, m < 0.35f);
}

float16 softplus16(float16 x) {
  return fmax(x, 0.0f) + log1p(exp(-fabs(x)));
}

/* Far left, e^x alone would be denormal where the result is not, and some devices flush that to zero: it comes in two halves. */
float16 swish16(float16 x, float alpha) {
  const float16 half_way = exp(-0.5f * fabs(alpha * x)), r = 1.0f / (1.0f + half_way * half_way);
  return select((x * half_way) * (half_way * r), x * r, alpha * x >= 0.0f);
}

/* Left of 0, with e = e^x: tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2). */
float16 mish16(float16 x) {
  const float16 half_way = exp(-0.5f * fabs(x)), e = half_way * half_way;
  return select((x * half_way) * (half_way * (e + 2.0f) / (e * (e + 2.0f) + 2.0f)), x * tanh16(softplus16(x)), x >= 0.0f);
}

/* x erfc(-x / sqrt 2) / 2, with t = |x| / sqrt 2. Up to t = 1 by erf's polynomial; beyond by exp(-t^2) times one of exp(t^2) erfc(t) in
 * 1 / (1 + t), where |x| is cut to 12 bits, so that the square is exact, and the rest of the square is added apart: that keeps the far left
 * exact. The largest |x| gives 0 there. No fma: where it is emulated (llvmpipe), compiling those took more than a minute. */
float16 gelu16(float16 x) {
  const float16 t = 0.70710678f * fabs(x), s = t * t, u = 1.0f / (1.0f + fmax(t, 1.0f)), size = fmin(fabs(x), 14.5f);
  const float16 head = as_float16(as_int16(size) & (int16)(-4096)), rest = -0.5f * (size - head) * (size + head);
  float16 p = (float16)(-9.598256838e-06f), q = (float16)(1.409637928e+00f), r = rest * 0.041666667f + 0.16666667f;
  p = p * s + 1.124371993e-04f;
  p = p * s - 8.481280529e-04f;
  p = p * s + 5.220858846e-03f;
  p = p * s - 2.686537616e-02f;
  p = p * s + 1.128378138e-01f;
  p = p * s - 3.761263788e-01f;
  p = p * s + 1.128379226e+00f;
  q = q * u - 3.027726173e+00f;
  q = q * u + 1.605466008e+00f;
  q = q * u + 1.133297324e+00f;
  q = q * u - 1.338353157e+00f;
  q = q * u - 1.230564043e-01f;
  q = q * u + 2.584198415e-01f;
  q = q * u + 5.662948489e-01f;
  q = q * u + 5.640863776e-01f;
  q = q * u + 2.141990080e-06f;
  r = (r * rest + 0.5f) * rest + 1.0f;
  const float16 half_x = 0.5f * x, e = exp(-0.5f * head * head) * (r * rest + 1.0f);
  return select(half_x * (p * (0.70710678f * x) + 1.0f), select(x * (1.0f - 0.5f * q * e), half_x * q * e, x < 0.0f), t > 1.0f);
}

/* clang-format off */
float16 unary16(int kind, float16 x, float alpha, float beta) {
  const float16 zero = (float16)(0.0f);
  switch (kind) {
    case 35: return sigmoid16(x);                                           /* SIGMOID */
    case 36: return tanh16(x);                                              /* TANH */
    case 37: return select(x, alpha * expm1(x), x < 0.0f);                  /* ELU */
    case 38: return beta * select(x, alpha * expm1(x), x <= 0.0f);          /* SELU */
    case 39: return select(x, alpha * expm1(x / alpha), x < 0.0f);          /* CELU */
    case 43: return softplus16(x);                                          /* SOFTPLUS */
    case 44: return x / (1.0f + fabs(x));                                   /* SOFTSIGN */
    case 45:                                                                /* GELU */
      if (alpha != 0.0f) return x * sigmoid16(1.5957691216f * (x + 0.044715f * x * x * x)); /* (1 + tanh(u)) / 2 */
      return gelu16(x);
    case 46: return swish16(x, alpha);                                      /* SWISH */
    case 47: return mish16(x);                                              /* MISH */
    case 48: return select(zero, x, (x > alpha) | isnan(x));                /* THRESHOLDED_RELU */
    case 64: return exp(x);
    case 65: return log(x);
    case 66: return sqrt(x);
    case 67: return fabs(x);
    case 68: return -x;
    case 69: return 1.0f / x;
    case 70: return erf(x);
    case 71: return floor(x);
    case 72: return ceil(x);
    case 85: return rint(x);                                                /* ROUND: halves to even */
    case 86: return select(select(select(zero, x, isnan(x)), (float16)(-1.0f), x < 0.0f), (float16)(1.0f), x > 0.0f); /* SIGN */
    case 87: return select(select(zero, x - beta, x > alpha), x + beta, x < -alpha); /* SHRINK; NaN gives 0 */
    default: return simple16(kind, x, alpha, beta);
  }
}
/* clang-format on */

#include "unary.cl"

/* y = !x of bool; global (ceil(count / per_item)) */
kernel void not_bool(global const uchar *x, ulong x0, global uchar *y, ulong y0, long count, long per_item) {
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, count);
  for (long i = begin; i < end; i++) y[y0 + i] = x[x0 + i] == 0;
}

/* Remainders with the sign of b, of a zero too, or with that of a. */
float16 mod16(float16 a, float16 b, int truncates) {
  const float16 r = fmod(a, b);
  if (truncates) return r;
  return select(select(r, r + b, (r < 0.0f) != (b < 0.0f)), copysign((float16)(0.0f), b), r == 0.0f);
}

/* clang-format off */
float16 binary16(int kind, float16 a, float16 b, float count) {
  switch (kind) {
    case 34: return select(a, a * b, a < 0.0f); /* PRELU */
    case 96: case 103: return a + b;            /* ADD, SUM */
    case 97: return a - b;
    case 98: return a * b;
    case 99: return a / b;
    case 100: return pow(a, b);
    case 101: return min_lanes(a, b);
    case 102: return max_lanes(a, b);
    case 104: return (a + b) / count;           /* MEAN: the last of `count` inputs */
    case 109: return mod16(a, b, count != 0.0f); /* MOD: `count` is the attribute fmod */
    default: return a;
  }
}
/* clang-format on */

/* n <= 16 elements of an operand from `i` of its innermost axis: consecutive, or one repeated. */
float16 operand16(global const float *p, long i, long stride, long n) {
  return stride ? load_lanes(p + i, n) : (float16)(p[0]);
}

/* A place in the outer axes (all but the last of `rank`), moved on row by row. */
typedef struct {
  long index[8];
} place;

void place_at(place *p, long row, int rank, long8 dim) {
  for (int d = rank - 2; d >= 0; d--) {
    p->index[d] = row % at(dim, d);
    row /= at(dim, d);
  }
}

long place_offset(const place *p, int rank, long8 stride) {
  long o = 0;
  for (int d = rank - 2; d >= 0; d--) o += p->index[d] * at(stride, d);
  return o;
}

void place_next(place *p, int rank, long8 dim) {
  for (int d = rank - 2; d >= 0; d--) {
    if (++p->index[d] < at(dim, d)) return;
    p->index[d] = 0;
  }
}

/* global (ceil(inner / per_item), ceil(rows / rows_per_item)). post, alpha, beta: an activation of simple16 on the result. block_axis: the
 * axis of channel blocks where tail != 0; operands with a stride in the innermost axis are blocked then, and hold all lanes. */
kernel void binary(global const float *a, ulong a0, global const float *b, ulong b0, global float *y, ulong y0, int rank, long8 dim,
                   long8 sa, long8 sb, int kind, float count, int post, float alpha, float beta, int block_axis, int tail, long rows,
                   long rows_per_item, long per_item) {
  const long inner = at(dim, rank - 1), begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const long ia = at(sa, rank - 1), ib = at(sb, rank - 1);
  place p;
  place_at(&p, row0, rank, dim);
  for (long row = row0; row < row1; row++, place_next(&p, rank, dim)) {
    global const float *ra = a + a0 + place_offset(&p, rank, sa), *rb = b + b0 + place_offset(&p, rank, sb);
    global float *ry = y + y0 + row * inner;
    const int lanes = tail && p.index[block_axis] == at(dim, block_axis) - 1 ? tail : 16;
    long i = begin;
    for (; i + 16 <= end; i += 16) {
      const float16 u = ia ? vload16(0, ra + i) : (float16)(ra[0]), v = ib ? vload16(0, rb + i) : (float16)(rb[0]);
      const float16 z = simple16(post, binary16(kind, u, v, count), alpha, beta);
      vstore16(lanes < 16 ? keep_lanes(z, lanes) : z, 0, ry + i);
    }
    if (i < end) {
      const float16 u = operand16(ra, i, ia, end - i), v = operand16(rb, i, ib, end - i);
      store_lanes(ry + i, simple16(post, binary16(kind, u, v, count), alpha, beta), end - i);
    }
  }
}

/* Blocked, with an operand that is not: y[row][m] is 16 lanes. The axes outside m are the view; sm: an operand's stride along m; lanes: 1
 * where its 16 values are neighbours, 0 where one value serves all. An operand that stands still along m may have only `tail` lanes.
 * global (ceil(middle / per_item), rows) */
kernel void binary_lanes(global const float *a, ulong a0, global const float *b, ulong b0, global float *y, ulong y0, int rank, long8 dim,
                         long8 sa, long8 sb, int kind, float count, int post, float alpha, float beta, int block_axis, int tail,
                         long middle, long per_item, long ma, int lanes_a, long mb, int lanes_b) {
  const long row = get_global_id(1), begin = get_global_id(0) * per_item, end = min(begin + per_item, middle);
  place p;
  place_at(&p, row, rank + 1, dim);
  a += a0 + place_offset(&p, rank + 1, sa);
  b += b0 + place_offset(&p, rank + 1, sb);
  y += y0 + row * middle * 16;
  const int lanes = tail && p.index[block_axis] == at(dim, block_axis) - 1 ? tail : 16;
  float16 u = operand16(a, 0, lanes_a, lanes), v = operand16(b, 0, lanes_b, lanes);
  for (long m = begin; m < end; m++) {
    if (ma) u = lanes_a ? vload16(0, a + m * ma) : (float16)(a[m * ma]);
    if (mb) v = lanes_b ? vload16(0, b + m * mb) : (float16)(b[m * mb]);
    vstore16(keep_lanes(simple16(post, binary16(kind, u, v, count), alpha, beta), lanes), m, y);
  }
}

/* EQUAL, LESS, GREATER of f32 into bool; plain tensors only. */
kernel void compare(global const float *a, ulong a0, global const float *b, ulong b0, global uchar *y, ulong y0, int rank, long8 dim,
                    long8 sa, long8 sb, int kind, long rows, long rows_per_item, long per_item) {
  const long inner = at(dim, rank - 1), begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const long ia = at(sa, rank - 1), ib = at(sb, rank - 1);
  place p;
  place_at(&p, row0, rank, dim);
  for (long row = row0; row < row1; row++, place_next(&p, rank, dim)) {
    global const float *ra = a + a0 + place_offset(&p, rank, sa), *rb = b + b0 + place_offset(&p, rank, sb);
    global uchar *ry = y + y0 + row * inner;
    for (long i = begin; i < end; i++) {
      const float u = ra[i * ia], v = rb[i * ib];
      ry[i] = kind == 105 ? u == v : kind == 106 ? u < v : u > v;
    }
  }
}

/* WHERE for elements of `words` 4-byte words: the host gives 8-byte types an innermost axis of two words. Plain tensors only. */
kernel void where(global const uchar *c, ulong c0, global const uint *a, ulong a0, global const uint *b, ulong b0, global uint *y, ulong y0,
                  int words, int rank, long8 dim, long8 sc, long8 sa, long8 sb, long rows, long rows_per_item, long per_item) {
  const long inner = at(dim, rank - 1), begin = get_global_id(0) * per_item, end = min(begin + per_item, inner);
  const long row0 = get_global_id(1) * rows_per_item, row1 = min(row0 + rows_per_item, rows);
  const long ic = at(sc, rank - 1), ia = at(sa, rank - 1), ib = at(sb, rank - 1);
  place p;
  place_at(&p, row0, rank, dim);
  for (long row = row0; row < row1; row++, place_next(&p, rank, dim)) {
    global const uchar *rc = c + c0 + place_offset(&p, rank, sc);
    global const uint *ra = a + a0 * words + place_offset(&p, rank, sa), *rb = b + b0 * words + place_offset(&p, rank, sb);
    global uint *ry = y + y0 * words + row * inner;
    for (long i = begin; i < end; i++) ry[i] = rc[i * ic] ? ra[i * ia] : rb[i * ib];
  }
}
