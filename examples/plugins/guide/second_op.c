/* SPDX-License-Identifier: Apache-2.0 */
/* second_op.c: a backend of more than one op. Each op is a row of a table: its kind, whether it is taken, how its attribute is read, how it
 * runs; supports, prepare and execute only look the row up, and a third op is one row more. Here: Conv and MaxPool of f32 over two spatial
 * axes, in plain layout. */
#include <math.h>

#include "base.h"

typedef struct row row;

struct cvk_kernel { /* axes: 0 is height, 1 is width */
  const cvk_host *host;
  const row *row;
  int32_t n_in;
  int64_t images, channels, maps, group; /* MAX_POOL: maps is channels */
  int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2];
};

/* ---- what both ops share: windows over a plane ---- */

static void read_shape(const cvk_op *op, cvk_kernel *k, const int64_t *kernel, const int64_t *stride, const int64_t *dilation, const int64_t *pad) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  k->images = x->dim[0];
  k->channels = x->dim[1];
  k->maps = y->dim[1];
  for (int axis = 0; axis < 2; axis++) {
    k->in[axis] = x->dim[2 + axis];
    k->out[axis] = y->dim[2 + axis]; /* with auto_pad and ceil_mode already worked out by the host */
    k->kernel[axis] = kernel[axis];
    k->stride[axis] = stride[axis];
    k->dilation[axis] = dilation[axis];
    k->pad[axis] = pad[axis];
  }
}

/* The cell of the input under tap t of window o, or -1 where that is in the pad: a cell of the pad is never read and takes part in nothing. */
static int64_t cell_at(const cvk_kernel *k, int axis, int64_t o, int64_t t) {
  const int64_t i = o * k->stride[axis] + t * k->dilation[axis] - k->pad[axis];
  return i >= 0 && i < k->in[axis] ? i : -1;
}

/* ---- conv ---- */

static const char *conv_accepts(const cvk_op *op) {
  return op->in[0]->rank != 4 ? "conv_second: takes two spatial axes" : NULL;
}

static void conv_read(const cvk_op *op, cvk_kernel *k) {
  const cvk_conv_attr *a = op->attr;
  read_shape(op, k, a->kernel, a->stride, a->dilation, a->pad_begin);
  k->group = a->group;
}

/* One output cell, without the bias. In double: a long sum of floats would leave the bound of CVK_ERROR_DIRECT. */
static double conv_cell(const cvk_kernel *k, const float *x, const float *w, int64_t channels, int64_t oy, int64_t ox) {
  double sum = 0;
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t ty = 0; ty < k->kernel[0]; ty++) {
      const int64_t iy = cell_at(k, 0, oy, ty);
      for (int64_t tx = 0; tx < k->kernel[1] && iy >= 0; tx++) {
        const int64_t ix = cell_at(k, 1, ox, tx);
        if (ix >= 0) sum += (double)x[(c * k->in[0] + iy) * k->in[1] + ix] * w[(c * k->kernel[0] + ty) * k->kernel[1] + tx];
      }
    }
  }
  return sum;
}

static void conv_run(const cvk_kernel *k, const float *const *in, float *y) {
  const int64_t channels = k->channels / k->group, maps = k->maps / k->group;
  for (int64_t i = 0; i < k->images * k->maps; i++) {
    const int64_t image = i / k->maps, m = i % k->maps;
    const float *x = in[0] + (image * k->channels + m / maps * channels) * k->in[0] * k->in[1];
    const float *w = in[1] + m * channels * k->kernel[0] * k->kernel[1];
    const double bias = in[2] != NULL ? in[2][m] : 0;
    for (int64_t oy = 0; oy < k->out[0]; oy++) {
      for (int64_t ox = 0; ox < k->out[1]; ox++) *y++ = (float)(bias + conv_cell(k, x, w, channels, oy, ox));
    }
  }
}

/* ---- max pool ---- */

static const char *max_pool_accepts(const cvk_op *op) {
  if (op->in[0]->rank != 4) return "max_pool_second: takes two spatial axes";
  return op->n_out > 1 && op->out[1] != NULL ? "max_pool_second: does not give the indices" : NULL;
}

static void max_pool_read(const cvk_op *op, cvk_kernel *k) {
  const cvk_pool_attr *a = op->attr;
  read_shape(op, k, a->kernel, a->stride, a->dilation, a->pad_begin);
}

/* Each window holds a cell of the input: the host has seen to it. A NaN in it is the result. */
static float max_cell(const cvk_kernel *k, const float *x, int64_t oy, int64_t ox) {
  float best = -INFINITY;
  for (int64_t ty = 0; ty < k->kernel[0]; ty++) {
    const int64_t iy = cell_at(k, 0, oy, ty);
    for (int64_t tx = 0; tx < k->kernel[1] && iy >= 0; tx++) {
      const int64_t ix = cell_at(k, 1, ox, tx);
      if (ix >= 0 && (x[iy * k->in[1] + ix] > best || isnan(x[iy * k->in[1] + ix]))) best = x[iy * k->in[1] + ix];
    }
  }
  return best;
}

static void max_pool_run(const cvk_kernel *k, const float *const *in, float *y) {
  for (int64_t plane = 0; plane < k->images * k->channels; plane++) {
    const float *x = in[0] + plane * k->in[0] * k->in[1];
    for (int64_t oy = 0; oy < k->out[0]; oy++) {
      for (int64_t ox = 0; ox < k->out[1]; ox++) *y++ = max_cell(k, x, oy, ox);
    }
  }
}

/* ---- the table, and the functions that only look into it ---- */

/* [chapter] */
struct row {
  int32_t kind;
  const char *name;
  const char *(*accepts)(const cvk_op *op); /* NULL: taken; else why not */
  void (*read)(const cvk_op *op, cvk_kernel *k);
  void (*run)(const cvk_kernel *k, const float *const *in, float *y); /* in: three, NULL where absent */
};

static const row rows[] = {
    {CVK_OP_CONV, "conv_second", conv_accepts, conv_read, conv_run},
    {CVK_OP_MAX_POOL, "max_pool_second", max_pool_accepts, max_pool_read, max_pool_run},
};

static const row *find_row(int32_t kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].kind == kind) return &rows[i];
  }
  return NULL;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const row *r = find_row(op->kind);
  if (r == NULL) return CVK_UNSUPPORTED;
  const char *why = op->n_post != 0 ? "second: takes no post-ops" : r->accepts(op);
  if (why == NULL && !guide_all_f32(op)) why = "second: takes f32 only";
  if (why != NULL) return guide_refuse(dev, why);
  guide_candidate(candidates[0], r->name, 0); /* 0: how long it takes is not known */
  *n = 1;
  return CVK_OK;
}
/* [end] */

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)candidate, (void)packs;
  cvk_kernel *k = guide_alloc(dev->host, sizeof *k, "a kernel");
  if (k == NULL) return CVK_NO_MEMORY;
  *k = (cvk_kernel){.host = dev->host, .row = find_row(op->kind), .n_in = op->n_in};
  k->row->read(op, k);
  *out = k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const float *x[3] = {NULL};
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int32_t i = 0; i < k->n_in && i < 3; i++) x[i] = guide_floats(&in[i]);
  k->row->run(k, x, guide_floats(&out[0]));
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static const guide_record guide_device = {"second", "guide: a second op", CVK_DEVICE_HOST_MEMORY};
static const cvk_backend guide_backend = {GUIDE_REQUIRED("second")};
