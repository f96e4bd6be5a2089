/* SPDX-License-Identifier: Apache-2.0 */
/* private_layout.c: tensors in an arrangement that only this backend knows. Layout 1: row-major as plain, but each row (the last axis) is filled
 * up with zeros to a multiple of 16 floats, so that every row begins on 64 bytes and a loop over rows has no rest. The host asks
 * tensor_bytes for the size, and for a Reorder wherever a plain tensor meets a private one. Relu and Add of f32 take layout 1 alone. */
#include "base.h"

enum { ROWS_OF_16 = 1 /* cvk_format.private_layout */, LANES = 16 };

struct cvk_kernel {
  const cvk_host *host;
  int32_t kind;
  int32_t to_private;        /* REORDER: from plain; else to it */
  int64_t rows, width, step; /* elements of a row, and from one row to the next in layout 1 */
};

/* ---- the layout ---- */

static int32_t is_private(const cvk_format *f) { return f->layout == CVK_PRIVATE && f->private_layout == ROWS_OF_16; }

/* [chapter] */
static const cvk_format rows_of_16 = {CVK_PRIVATE, 0, ROWS_OF_16};

/* UINT64_MAX: no tensor of this layout, or too large. */
static uint64_t tensor_bytes(cvk_backend_device *dev, const cvk_tensor_desc *desc) {
  int64_t dim[CVK_MAX_RANK];
  (void)dev;
  if (desc->dtype != CVK_F32 || desc->rank < 1 || !is_private(&desc->format)) return UINT64_MAX;
  memcpy(dim, desc->dim, sizeof dim);
  int64_t *row = &dim[desc->rank - 1];
  if (*row > INT64_MAX - LANES) return UINT64_MAX;
  *row = (*row + LANES - 1) / LANES * LANES;
  const int64_t count = cvk_count(desc->rank, dim);
  return count < 0 || count > (int64_t)(INT64_MAX / sizeof(float)) ? UINT64_MAX : (uint64_t)count * sizeof(float);
}

static const char *refuse_reorder(const cvk_op *op) {
  const cvk_format *from = &op->in[0]->format, *to = &op->out[0]->format;
  const int32_t known = (from->layout == CVK_PLAIN && is_private(to)) || (is_private(from) && to->layout == CVK_PLAIN);
  return known ? NULL : "reorder_private: is between plain and layout 1";
}

/* Constants come in the layout too, through the reorder, once; the host keeps them plain as well, so large weights are better packed. */
static const char *refuse_other(const cvk_op *op) {
  for (int32_t i = 0; i < op->n_in; i++) {
    if (!guide_same_shape(op->in[i], op->out[0])) return "private: does not broadcast";
  }
  return NULL;
}
/* [end] */

/* ---- asking and preparing ---- */

static const char *row_of(int32_t kind) {
  return kind == CVK_OP_REORDER ? "reorder_private" : kind == CVK_OP_RELU ? "relu_private" : kind == CVK_OP_ADD ? "add_private" : NULL;
}

/* [chapter] */
static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (row_of(op->kind) == NULL) return CVK_UNSUPPORTED;
  const char *why = op->kind == CVK_OP_REORDER ? refuse_reorder(op) : refuse_other(op);
  if (!guide_all_f32(op) || op->out[0]->rank < 1) why = "private: takes f32 of rank 1 and more";
  if (op->n_post != 0) why = "private: takes no post-ops";
  if (why != NULL) return guide_refuse(dev, why);
  guide_candidate(candidates[0], row_of(op->kind), 0.25 * (double)cvk_count(op->in[0]->rank, op->in[0]->dim));
  if (op->kind == CVK_OP_REORDER) { /* its formats are asked for; those of the others are this row's choice */
    candidates[0]->in[0] = op->in[0]->format;
    candidates[0]->out[0] = op->out[0]->format;
  } else {
    for (int32_t i = 0; i < op->n_in; i++) candidates[0]->in[i] = rows_of_16;
    candidates[0]->out[0] = rows_of_16;
    candidates[0]->inplace = 0;
  }
  *n = 1;
  return CVK_OK;
}
/* [end] */

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  (void)candidate, (void)packs;
  cvk_kernel *k = guide_alloc(dev->host, sizeof *k, "a kernel");
  if (k == NULL) return CVK_NO_MEMORY;
  *k = (cvk_kernel){.host = dev->host, .kind = op->kind, .to_private = is_private(&op->out[0]->format), .width = x->dim[x->rank - 1]};
  k->rows = cvk_count(x->rank, x->dim) == 0 ? 0 : cvk_count(x->rank - 1, x->dim);
  k->step = (k->width + LANES - 1) / LANES * LANES;
  *out = k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

/* ---- running ---- */

static void reorder(const cvk_kernel *k, const float *x, float *y) {
  for (int64_t r = 0; r < k->rows; r++) {
    if (k->to_private) {
      memcpy(y + r * k->step, x + r * k->width, (size_t)k->width * sizeof *y);
      memset(y + r * k->step + k->width, 0, (size_t)(k->step - k->width) * sizeof *y);
    } else {
      memcpy(y + r * k->width, x + r * k->step, (size_t)k->width * sizeof *y);
    }
  }
}

/* Both run over the zeros as well, and make zeros of them. */
static void relu(int64_t count, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays: the test is false */
}
static void add(int64_t count, const float *a, const float *b, float *y) {
  for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  float *y = guide_floats(&out[0]);
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  if (k->kind == CVK_OP_REORDER) reorder(k, guide_floats(&in[0]), y);
  else if (k->kind == CVK_OP_RELU) relu(k->rows * k->step, guide_floats(&in[0]), y);
  else add(k->rows * k->step, guide_floats(&in[0]), guide_floats(&in[1]), y);
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static const guide_record guide_device = {"private", "guide: a private layout", CVK_DEVICE_HOST_MEMORY};
static const cvk_backend guide_backend = {GUIDE_REQUIRED("private"), .tensor_bytes = tensor_bytes};
