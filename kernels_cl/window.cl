/* SPDX-License-Identifier: Apache-2.0 */
/* window.cl: the windows of pooling; included by pool.cl and pool_grad.cl. */

/* What a window is, in D, H, W; .w is unused. */
typedef struct {
  long4 in, out, size, stride, dilation, begin, end;
} window;

static inline long axis(long4 v, int d) {
  return d == 0 ? v.x : d == 1 ? v.y : v.z;
}

/* Taps [first, last) of output o that fall inside the input along axis d; *start is the cell of tap 0. */
static inline void taps(const window *w, int d, long o, long *start, long *first, long *last) {
  const long s = o * axis(w->stride, d) - axis(w->begin, d), step = axis(w->dilation, d), extent = axis(w->in, d);
  *start = s;
  *first = s < 0 ? (-s + step - 1) / step : 0;
  *last = s >= extent ? 0 : min(axis(w->size, d), (extent - s + step - 1) / step);
  if (*first > *last) *first = *last;
}

/* Cells of output o's window along axis d that count in a mean: those of the input, with `pads` also those of the pad asked for. */
static inline long counted(const window *w, int d, long o, int pads) {
  const long s = o * axis(w->stride, d) - axis(w->begin, d), step = axis(w->dilation, d);
  const long low = pads ? -axis(w->begin, d) : 0, high = axis(w->in, d) + (pads ? axis(w->end, d) : 0);
  const long first = s < low ? (low - s + step - 1) / step : 0, last = s >= high ? 0 : min(axis(w->size, d), (high - s + step - 1) / step);
  return max(last - first, 0L);
}

/* Outputs [*low, *high) along W have all their taps inside. */
static inline void inside(const window *w, long *low, long *high) {
  const long reach = w->in.z - 1 - (w->size.z - 1) * w->dilation.z + w->begin.z;
  *low = min((w->begin.z + w->stride.z - 1) / w->stride.z, w->out.z);
  *high = reach < 0 ? *low : clamp(reach / w->stride.z + 1, *low, w->out.z);
}

/* Cells of the window from `first` on that count in a mean, as `counted` has it, for all three axes. By numbers: see lanes.cl on `?:`. */
static inline int counted_from(int first, int in, int size, int dilation, int begin, int end, int pads) {
  const int low = pads ? -begin : 0, high = pads ? in + end : in;
  return min((high - first + dilation - 1) / dilation, size) - max((low - first + dilation - 1) / dilation, 0);
}
static inline int counted_window(int4 first, int4 in, int4 size, int4 dilation, int4 begin, int4 end, int pads) {
  return counted_from(first.x, in.x, size.x, dilation.x, begin.x, end.x, pads) * counted_from(first.y, in.y, size.y, dilation.y, begin.y, end.y, pads) *
         counted_from(first.z, in.z, size.z, dilation.z, begin.z, end.z, pads);
}
