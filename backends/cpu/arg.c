/* SPDX-License-Identifier: Apache-2.0 */
/* arg: ARG_MAX and ARG_MIN along any axis, f32, plain. Where the axis is innermost, an output is a scan of one row, each lane keeping the
 * best of its own elements; elsewhere a strip of neighbouring outputs is kept in registers along the axis. NaN is beyond every number; of
 * equal elements the first counts, or the last. */
#include "cpu.h"
#include "vec.h"

enum {
  VECTORS = V_REGISTERS == 32 ? 8 : 4, /* of a strip, each with its best and where it was */
  STRIP = VECTORS * VL,
  FLOATS_PER_TASK = 16384,
};

typedef struct arg_kernel {
  cpu_kernel base;
  int64_t before, n, after; /* extents around the axis, and its own */
  int64_t strips, units, units_per_task;
  int32_t is_max, last;
  double ns;
} arg_kernel;

typedef struct arg_job {
  const arg_kernel *k;
  const float *x;
  int64_t *y;
} arg_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0];
  (void)variant;
  if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", x->dtype);
  const int64_t n = x->rank > 0 ? x->dim[((const cvk_arg_attr *)op->attr)->axis] : 1;
  if (n > INT32_MAX - VL) return cpu_refuse(why, "an axis of %lld elements", (long long)n);
  c->estimated_ns = cpu_ns_memory(device, (double)cvk_desc_bytes(x) + (double)cvk_desc_bytes(op->out[0]), 0.7);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_arg_attr *attr = op->attr;
  arg_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->before = k->after = k->n = 1;
  for (int32_t i = 0; i < x->rank; i++) *(i < attr->axis ? &k->before : i == attr->axis ? &k->n : &k->after) *= x->dim[i];
  k->is_max = op->kind == CVK_OP_ARG_MAX;
  k->last = attr->select_last_index;
  k->strips = cpu_ceil_div(k->after, STRIP);
  k->units = k->before * k->strips;
  k->units_per_task = cpu_max(1, FLOATS_PER_TASK / cpu_max(1, k->n * cpu_min(k->after, STRIP)));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* Where x, which comes later, is chosen over best. */
VI vm wins(vf x, vf best, int is_max, int last) {
  const vm number = v_eq(best, best);
  if (!last) return vm_and(vm_not(is_max ? v_le(x, best) : v_le(best, x)), number);
  return vm_or(vm_and(vm_not(is_max ? v_lt(x, best) : v_lt(best, x)), number), v_isnan(x));
}

VI void choose(vf x, vi at, vf *best, vi *index, int is_max, int last) {
  const vm m = wins(x, *best, is_max, last);
  *best = v_sel(m, x, *best);
  *index = v_bits(v_sel(m, v_from_bits(at), v_from_bits(*index)));
}

/* The outputs of V vectors along the axis; lanes: of the last. */
VI void strip(const int V, const arg_kernel *k, const float *x, int64_t *y, int64_t lanes, int is_max, int last) {
  const int64_t n = k->n, step = k->after;
  vf best[VECTORS];
  vi index[VECTORS];
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) {
    best[v] = v == V - 1 ? v_load_n(x + v * VL, lanes) : v_load(x + v * VL);
    index[v] = vi_set1(0);
  }
  for (int64_t i = 1; i < n; i++) {
    const float *line = x + i * step;
    const vi at = vi_set1((int32_t)i);
#pragma GCC unroll 8
    for (int v = 0; v < V; v++)
      choose(v == V - 1 && lanes < VL ? v_load_n(line + v * VL, lanes) : v_load(line + v * VL), at, &best[v], &index[v], is_max, last);
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) {
    int32_t lane[VL];
    vi_store(lane, index[v]);
    if (v < V - 1 || lanes == VL)
      for (int i = 0; i < VL; i++) y[v * VL + i] = lane[i];
    else
      for (int64_t i = 0; i < lanes; i++) y[v * VL + i] = lane[i];
  }
}

VI void strip_any(const arg_kernel *k, const float *x, int64_t *y, int64_t cells, int is_max, int last) {
  if (cells == STRIP) {
    strip(VECTORS, k, x, y, VL, is_max, last);
    return;
  }
  for (int64_t i = 0; i < cells; i += VL) strip(1, k, x + i, y + i, cpu_min(VL, cells - i), is_max, last);
}

/* Whether element i, x, is chosen over element j, best. */
static int beats(float x, int64_t i, float best, int64_t j, int is_max, int last) {
  if (x == best || (x != x && best != best)) return last ? i > j : i < j;
  return x != x || (best == best && (is_max ? x > best : x < best));
}

VI int64_t row(const float *x, int64_t n, int is_max, int last) {
  int64_t i = 0, at = 0;
  float value = x[0];
  if (n >= VL) {
    int32_t first[VL], lane[VL];
    float of_lane[VL];
    for (int l = 0; l < VL; l++) first[l] = l;
    vf best = v_load(x);
    vi now = vi_load(first), index = now;
    for (i = VL; i + VL <= n; i += VL) {
      now = vi_add(now, vi_set1(VL));
      choose(v_load(x + i), now, &best, &index, is_max, last);
    }
    v_store(of_lane, best);
    vi_store(lane, index);
    at = lane[0];
    value = of_lane[0];
    for (int l = 1; l < VL; l++)
      if (beats(of_lane[l], lane[l], value, at, is_max, last)) at = lane[l], value = of_lane[l];
  }
  for (; i < n; i++)
    if (beats(x[i], i, value, at, is_max, last)) at = i, value = x[i];
  return at;
}

VI void units(const arg_job *j, int64_t begin, int64_t end, int is_max, int last) {
  const arg_kernel *k = j->k;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t outer = unit / k->strips, first = unit % k->strips * STRIP;
    const float *x = j->x + outer * k->n * k->after + first;
    int64_t *y = j->y + outer * k->after + first;
    if (k->after == 1)
      *y = row(x, k->n, is_max, last);
    else
      strip_any(k, x, y, cpu_min(STRIP, k->after - first), is_max, last);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const arg_job *j = arg;
  const arg_kernel *k = j->k;
  const int64_t begin = index * k->units_per_task, end = cpu_min(k->units, begin + k->units_per_task);
  (void)worker;
  if (k->is_max && !k->last)
    units(j, begin, end, 1, 0);
  else if (k->is_max)
    units(j, begin, end, 1, 1);
  else if (!k->last)
    units(j, begin, end, 0, 0);
  else
    units(j, begin, end, 0, 1);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const arg_kernel *k = (const arg_kernel *)kernel;
  arg_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(arg_row) = {.name = CVK_ISA_ROW("arg"),
                                     .kind = CVK_OP_ARG_MAX,
                                     .kind_last = CVK_OP_ARG_MIN,
                                     .accepts = accepts,
                                     .prepare = prepare,
                                     .execute = execute};
