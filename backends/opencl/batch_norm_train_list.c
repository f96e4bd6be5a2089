/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm_train_list.c: rows of BATCH_NORM_TRAIN and BATCH_NORM_GRAD: kernels_cl/batch_norm_train.cl. */
#include "lists.h"
#include "view.h"

#define CPU_ELEMENTS (1 << 15) /* of a block that a part has at least: 128 KiB, which the second of two passes finds in a cache */
#define GPU_GROUPS 2048        /* so many fill a device */
#define MOST_PARTS 64          /* every item adds them up */

typedef struct plan {
  int64_t lines, cells; /* channels or blocks of them */
  int64_t share, parts; /* images of a part */
} plan;

static plan plan_of(const cvk_backend_device *dev, const cvk_tensor_desc *x, int32_t blocked) {
  plan p = {.lines = blocked ? (x->dim[1] + OCL_BLOCK - 1) / OCL_BLOCK : x->dim[1], .cells = ocl_pixels(x)};
  const int64_t batch = x->dim[0], lines = p.lines > 0 ? p.lines : 1;
  int64_t parts = dev->cpu_class ? batch * p.cells * OCL_BLOCK / CPU_ELEMENTS : GPU_GROUPS / lines;
  if (parts > batch) parts = batch;
  if (parts > MOST_PARTS) parts = MOST_PARTS;
  if (parts < 1) parts = 1;
  p.share = (batch + parts - 1) / parts;
  p.parts = p.share > 0 ? (batch + p.share - 1) / p.share : 1;
  return p;
}

static int32_t accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *x = op->in[0];
  const int32_t blocked = q->row->layout == CVK_BLOCKED, trains = op->kind == CVK_OP_BATCH_NORM_TRAIN;
  if (!ocl_takes_f32(q) || !(trains ? ocl_takes_simple_post(q) : ocl_takes_no_post(q))) return 0;
  if (blocked && x->rank < 3) return ocl_refuse(q, "rank %d", x->rank);
  if (blocked && !q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (x->dim[0] * ocl_pixels(x) > INT32_MAX) return ocl_refuse(q, "channels of more than 2^31 elements");
  ocl_want_in(q, 0, q->row->layout);
  if (!trains) ocl_want_in(q, 4, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  const plan p = plan_of(q->dev, x, blocked);
  q->candidate->workspace_bytes = (uint64_t)(p.parts * 2 * p.lines * (blocked ? OCL_BLOCK : 1)) * sizeof(float);
  q->candidate->estimated_ns =
      ocl_estimate(q->dev, (double)ocl_elements(x) * 12, 2 * ocl_traffic(op), blocked ? 0.3 : q->dev->cpu_class ? 0.01 : 0.1);
  return 1;
}

static ocl_launch *begin(ocl_build *b, const char *plain, const char *blocked) {
  return ocl_launch_begin(b, "batch_norm_train", "", b->row->layout == CVK_BLOCKED ? blocked : plain);
}

static void arg_shape(ocl_launch *l, const ocl_build *b, const plan *p) {
  ocl_arg_longs(l, 4, (int64_t[]){b->op->in[0]->dim[0], p->share, b->op->in[0]->dim[1], p->cells});
}

/* sums: the kernel wants local memory for its sums. */
static cvk_status end(ocl_build *b, ocl_launch *l, const plan *p, int32_t sums) {
  const int64_t elements = b->dev->cpu_class ? 1 : p->share * p->cells;
  if (b->row->layout == CVK_BLOCKED) return ocl_launch_end(b, l, 2, (int64_t[]){p->lines, p->parts}, NULL);
  if (sums) return ocl_launch_lines(b, l, p->lines * p->parts, elements);
  const size_t items = ocl_line_items(l, elements);
  return ocl_launch_groups(b, l, 1, (int64_t[]){p->lines * p->parts}, &items);
}

static cvk_status sums(ocl_build *b, const plan *p, int32_t grad) {
  ocl_launch *l = begin(b, "batch_norm_sums", "batch_norm_sums_blocked");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, grad ? 4 : b->op->n_in);
  ocl_arg_in(l, b, grad ? 2 : b->op->n_in);
  ocl_arg_workspace(l, 0, sizeof(float));
  arg_shape(l, b, p);
  ocl_arg_int(l, grad);
  return end(b, l, p, 1);
}

static cvk_status train_prepare(ocl_build *b) {
  const cvk_norm_attr *a = b->op->attr;
  const plan p = plan_of(b->dev, b->op->in[0], b->row->layout == CVK_BLOCKED);
  const int32_t running = b->op->n_in > 3 && b->op->in[3];
  const cvk_status status = sums(b, &p, 0);
  if (status != CVK_OK) return status;
  ocl_launch *l = begin(b, "batch_norm_train", "batch_norm_train_blocked");
  for (int32_t i = 0; i < 5; i++) ocl_arg_in(l, b, i);
  ocl_arg_workspace(l, 0, sizeof(float));
  for (int32_t i = 0; i < 5; i++) ocl_arg_out(l, b, i);
  arg_shape(l, b, &p);
  ocl_arg_long(l, p.parts);
  ocl_arg_float(l, a->epsilon);
  ocl_arg_float(l, running ? a->alpha : 0.0f);
  ocl_arg_simple_post(l, ocl_post_of(b->op));
  return end(b, l, &p, 0);
}

static cvk_status grad_prepare(ocl_build *b) {
  const cvk_norm_attr *a = b->op->attr;
  const plan p = plan_of(b->dev, b->op->in[0], b->row->layout == CVK_BLOCKED);
  const cvk_status status = sums(b, &p, 1);
  if (status != CVK_OK) return status;
  ocl_launch *l = begin(b, "batch_norm_grad", "batch_norm_grad_blocked");
  for (int32_t i = 0; i < 5; i++) ocl_arg_in(l, b, i);
  ocl_arg_workspace(l, 0, sizeof(float));
  for (int32_t i = 0; i < 3; i++) ocl_arg_out(l, b, i);
  arg_shape(l, b, &p);
  ocl_arg_long(l, p.parts);
  ocl_arg_float(l, a->epsilon);
  return end(b, l, &p, 0);
}

static const int32_t train_kinds[] = {CVK_OP_BATCH_NORM_TRAIN};
static const ocl_row train_rows[] = {
    {.name = "batch_norm_train_blocked", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = train_prepare},
    {.name = "batch_norm_train_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = train_prepare},
};
const ocl_list ocl_batch_norm_train_list = {train_kinds, 1, sizeof train_rows / sizeof *train_rows, train_rows};

static const int32_t grad_kinds[] = {CVK_OP_BATCH_NORM_GRAD};
static const ocl_row grad_rows[] = {
    {.name = "batch_norm_grad_blocked", .layout = CVK_BLOCKED, .accepts = accepts, .prepare = grad_prepare},
    {.name = "batch_norm_grad_plain", .layout = CVK_PLAIN, .accepts = accepts, .prepare = grad_prepare},
};
const ocl_list ocl_batch_norm_grad_list = {grad_kinds, 1, sizeof grad_rows / sizeof *grad_rows, grad_rows};
