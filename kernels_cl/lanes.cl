/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.cl: 16 floats at a time where fewer may be left; included by the programs. A "lane" is one of the 16 elements of a float16. Partial
 * vectors go through private memory, so that the same vector function gives the same bits in the body and in the tail, and no byte outside
 * a tensor is touched. */

/* The first n of 16 floats; the others are 0 and not read. */
static inline float16 load_lanes(global const float *p, long n) {
  float v[16] = {0};
  if (n >= 16) return vload16(0, p);
  for (long i = 0; i < n; i++) v[i] = p[i];
  return vload16(0, v);
}

static inline void store_lanes(global float *p, float16 x, long n) {
  float v[16];
  if (n >= 16) {
    vstore16(x, 0, p);
    return;
  }
  vstore16(x, 0, v);
  for (long i = 0; i < n; i++) p[i] = v[i];
}

/* The same at p + at, or zeros where p is NULL. Scalar conditions between vectors are `if`s here: one driver miscompiles `?:` on them. */
static inline float16 load_if(global const float *p, ulong at, long n) {
  float16 v = (float16)(0.0f);
  if (p) v = load_lanes(p + at, n);
  return v;
}

/* Lanes from n on become `rest`, whatever they hold. */
static inline float16 fill_lanes(float16 x, long n, float rest) {
  const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return select((float16)(rest), x, lane < (int)min(n, 16L));
}

/* ... or 0: blocked tensors keep the lanes past the last channel so. */
static inline float16 keep_lanes(float16 x, long n) {
  return fill_lanes(x, n, 0.0f);
}
