// SPDX-License-Identifier: Apache-2.0
// elementwise.cl: activations. Contract: x and y are dense float tensors of n elements in the same format and may be the same buffer.
// A work-item takes 16 elements; the last one takes what is left, one by one. NaN stays NaN.

kernel void relu(global const float *x, ulong x_offset, global float *y, ulong y_offset, long n) {
  const long i = (long)get_global_id(0) * 16;
  x += x_offset;
  y += y_offset;
  if (i + 16 <= n) {
    const float16 v = vload16(0, x + i);
    vstore16(select(v, (float16)(0.0f), v < 0.0f), 0, y + i);
  } else {
    for (long j = i; j < n; j++) y[j] = x[j] < 0.0f ? 0.0f : x[j];
  }
}
