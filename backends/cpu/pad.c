/* SPDX-License-Identifier: Apache-2.0 */
/* pad: PAD, all modes, negative pads crop (before any padding), any element type; plain, or blocked (f32) when only batch and spatial axes
 * are padded. The axes after the last padded one form a cell; a row is the last padded axis: its inside is one copy, its ends go cell by
 * cell from where the mode says. A task is some rows. */
#include <string.h>

#include "copy_small.h"
#include "cpu.h"
#include "strided.h"
#include "vec.h"

enum { BYTES_PER_TASK = 65536 };

/* Cells first..first+kept-1 of the input's axis stay; begin and end cells come around them. `step`: input cells between neighbours. `edge`:
 * the input cells behind the begin and then the end cells; NULL: the constant. */
typedef struct pad_axis {
  int64_t first, kept, begin, end, out, step;
  const int64_t *edge;
} pad_axis;

typedef struct pad_kernel {
  cpu_kernel base;
  int32_t mode, outer; /* axes before the row's */
  pad_axis axis[CVK_MAX_RANK + 1];
  int64_t size, cell; /* bytes of an element and of a cell */
  int64_t rows, rows_per_task;
  union {
    float f32;
    uint64_t bits;
  } value;        /* where no input gives it */
  int64_t *edges; /* of all axes */
  double ns;
} pad_kernel;

typedef struct pad_job {
  const pad_kernel *kernel;
  const char *x;
  const void *value;
  char *y;
} pad_job;

/* The input cell behind output cell o, which is none that stays, of an axis that has some. */
static int64_t edge_of(const pad_axis *p, int32_t mode, int64_t o) {
  int64_t i = o - p->begin;
  if (mode == CVK_PAD_EDGE) return p->first + (i < 0 ? 0 : p->kept - 1);
  const int64_t period = mode == CVK_PAD_WRAP ? p->kept : p->kept > 1 ? 2 * (p->kept - 1) : 1;
  i %= period;
  if (i < 0) i += period;
  return p->first + (i < p->kept ? i : period - i);
}

/* The input cell behind output cell o; -1: the constant. */
static int64_t source_of(const pad_axis *p, int64_t o) {
  const int64_t i = o - p->begin;
  if (i >= 0 && i < p->kept) return p->first + i;
  if (!p->edge) return -1;
  return p->edge[i < 0 ? o : o - p->kept];
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_pad_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0];
  const int32_t given = op->n_in > 2 && op->in[2];
  if (x->dtype != CVK_F32 && !given && a->value != 0) return cpu_refuse(why, "value %g in element type %d", a->value, x->dtype);
  if (variant == 1) {
    if (x->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", x->rank);
    if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d is not blocked", x->dtype);
    if (a->begin[1] != 0 || a->end[1] != 0)
      return cpu_refuse(why, "channels are padded by %lld and %lld", (long long)a->begin[1], (long long)a->end[1]);
    if (a->mode == CVK_PAD_CONSTANT && x->dim[1] % VL != 0 && (given || a->value != 0))
      return cpu_refuse(why, "the value would fill lanes past channel %lld", (long long)x->dim[1]);
  }
  c->in[0] = c->out[0] = cpu_format(variant ? VL : 0);
  for (int32_t i = 1; i < CVK_CANDIDATE_INPUTS; i++) c->in[i] = cpu_format(0);
  cvk_tensor_desc d = *op->out[0];
  d.format = c->out[0];
  c->estimated_ns = cpu_ns_memory(device, 2.0 * (double)cvk_desc_bytes(&d), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_pad_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  int64_t in[CVK_MAX_RANK + 1], to[CVK_MAX_RANK + 1], cell = 1;
  pad_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  int32_t last = nd_memory_axes(x, in) - 1;
  nd_memory_axes(y, to);
  for (; last > 0 && (last >= x->rank || (a->begin[last] == 0 && a->end[last] == 0)); last--) cell *= in[last];
  k->mode = a->mode;
  k->outer = last < 0 ? 0 : last;
  k->size = (int64_t)cvk_dtype_bytes(x->dtype);
  k->cell = cell * k->size;
  k->rows = 1;
  k->axis[0] = (pad_axis){0, 1, 0, 0, 1, 1, NULL}; /* a scalar is a row of one cell */
  int64_t edges = 0;
  for (int32_t i = last, step = 0; i >= 0; i--, step++) {
    const int64_t b = a->begin[i], e = a->end[i];
    const int64_t first = b < 0 ? -b : 0, kept = in[i] - first - (e < 0 ? -e : 0);
    k->axis[i] = (pad_axis){first, kept, cpu_max(b, 0), cpu_max(e, 0), to[i], step == 0 ? 1 : k->axis[i + 1].step * in[i + 1], NULL};
    if (i < last) k->rows *= to[i];
    edges += k->axis[i].begin + k->axis[i].end;
  }
  const int64_t row_bytes = k->axis[k->outer].out * k->cell;
  if (row_bytes == 0) k->rows = 0;
  if (k->mode != CVK_PAD_CONSTANT && k->rows > 0) {
    k->edges = cpu_alloc(device, cpu_product(2, (int64_t[]){edges, sizeof *k->edges}));
    if (!k->edges) {
      cpu_free(device, k);
      return CVK_NO_MEMORY;
    }
    int64_t *next = k->edges;
    for (int32_t i = 0; i <= k->outer; i++) {
      pad_axis *p = &k->axis[i];
      p->edge = next;
      for (int64_t o = 0; o < p->begin; o++) *next++ = edge_of(p, k->mode, o);
      for (int64_t o = p->begin + p->kept; o < p->out; o++) *next++ = edge_of(p, k->mode, o);
    }
  }
  k->rows_per_task = cpu_max(1, BYTES_PER_TASK / cpu_max(1, row_bytes));
  if (x->dtype == CVK_F32) k->value.f32 = (float)a->value;
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static void release(cpu_kernel *kernel) {
  cpu_free(kernel->device, ((pad_kernel *)kernel)->edges);
}

static void fill(const pad_kernel *k, char *y, int64_t cells, const void *value) {
  const int64_t n = cells * k->cell / k->size;
  if (k->size == 4) {
    float v;
    memcpy(&v, value, 4);
    for (int64_t i = 0; i < n; i++) memcpy(y + 4 * i, &v, 4);
    return;
  }
  for (int64_t i = 0; i < n; i++) memcpy(y + i * k->size, value, (size_t)k->size);
}

/* n cells one by one: `from[i]` is the input cell behind y's. */
static void gather(const pad_kernel *k, char *y, const char *x, const int64_t *from, int64_t n) {
  if (k->cell == 4)
    for (int64_t i = 0; i < n; i++) memcpy(y + 4 * i, x + 4 * from[i], 4);
  else
    for (int64_t i = 0; i < n; i++) copy_run(y + i * k->cell, x + from[i] * k->cell, k->cell);
}

/* One row; from: the input row's first cell, NULL: constant throughout. */
static void row(const pad_kernel *k, char *y, const char *from, const void *value) {
  const pad_axis *p = &k->axis[k->outer];
  if (!from) {
    fill(k, y, p->out, value);
    return;
  }
  const int64_t end = p->begin + p->kept;
  if (p->edge) {
    gather(k, y, from, p->edge, p->begin);
    gather(k, y + end * k->cell, from, p->edge + p->begin, p->end);
  } else {
    fill(k, y, p->begin, value);
    fill(k, y + end * k->cell, p->end, value);
  }
  copy_run(y + p->begin * k->cell, from + p->first * k->cell, p->kept * k->cell);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const pad_job *j = arg;
  const pad_kernel *k = j->kernel;
  const int64_t begin = index * k->rows_per_task, end = cpu_min(k->rows, begin + k->rows_per_task),
                row_bytes = k->axis[k->outer].out * k->cell;
  int64_t at[CVK_MAX_RANK + 1], rest = begin;
  (void)worker;
  for (int32_t i = k->outer - 1; i >= 0; i--) {
    at[i] = rest % k->axis[i].out;
    rest /= k->axis[i].out;
  }
  const int32_t inner = k->outer - 1; /* the axis of neighbouring rows */
  int64_t base = 0;                   /* of the axes before it; -1: the constant */
  for (int64_t r = begin; r < end; r++) {
    if (r == begin || at[inner] == 0) {
      base = 0;
      for (int32_t i = 0; i < inner && base >= 0; i++) {
        const int64_t source = source_of(&k->axis[i], at[i]);
        base = source < 0 ? -1 : base + source * k->axis[i].step;
      }
    }
    const int64_t source = base < 0 ? -1 : inner < 0 ? 0 : source_of(&k->axis[inner], at[inner]);
    row(k, j->y + r * row_bytes, source < 0 ? NULL : j->x + (base + (inner < 0 ? 0 : source * k->axis[inner].step)) * k->cell, j->value);
    for (int32_t i = inner; i >= 0 && ++at[i] == k->axis[i].out; i--) at[i] = 0;
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const pad_kernel *k = (const pad_kernel *)kernel;
  pad_job job = {k, in[0], kernel->n_in > 2 && in[2] ? in[2] : &k->value, out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->rows, k->rows_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(pad_row) = {.name = CVK_ISA_ROW("pad"),
                                     .kind = CVK_OP_PAD,
                                     .variants = 2,
                                     .accepts = accepts,
                                     .prepare = prepare,
                                     .execute = execute,
                                     .release = release};
