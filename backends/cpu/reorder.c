/* SPDX-License-Identifier: Apache-2.0 */
/* reorder: changes a tensor's format between plain, NHWC and NCHWc of any block; elements of 1, 2, 4 or 8 bytes. Both formats come in the
 * descs. Lanes past the channels are written zero. A task is a stretch of cells of one image with all its channels, copied as a matrix
 * transposition between "channels next to each other" and "cells next to each other"; VL by VL in registers for elements of 4 bytes in
 * blocks of VL. */
#include "cpu.h"
#include "vec.h"

enum { CELLS = 256 }; /* of a task */

/* An image of a format: element (channel, cell) lies at (channel / block) * block_step + (channel % block) * channel_step + cell *
 * cell_step. */
typedef struct image_layout {
  int64_t block, block_step, channel_step, cell_step, image_step;
  int64_t lanes; /* channels that storage holds: C rounded up to blocks */
} image_layout;

typedef struct reorder_kernel {
  cpu_kernel base;
  int64_t n, c, cells, size;
  image_layout from, to;
  double ns;
} reorder_kernel;

typedef struct reorder_job {
  const reorder_kernel *k;
  const char *x;
  char *y;
} reorder_job;

static image_layout layout_of(const cvk_tensor_desc *d, int64_t c, int64_t cells) {
  if (d->format.layout == CVK_NHWC) return (image_layout){c, 0, 1, c, c * cells, c};
  if (d->format.layout == CVK_BLOCKED) {
    const int64_t block = d->format.block, lanes = cpu_ceil_div(c, block) * block;
    return (image_layout){block, block * cells, 1, block, lanes * cells, lanes};
  }
  return (image_layout){c, 0, cells, 1, c * cells, c};
}

static int32_t known(const cvk_tensor_desc *d, const char *what, cpu_reason *why) {
  const int32_t layout = d->format.layout;
  if (layout != CVK_PLAIN && layout != CVK_NHWC && layout != CVK_BLOCKED) return cpu_refuse(why, "%s layout %d is not known", what, layout);
  if (layout != CVK_PLAIN && d->rank < 2) return cpu_refuse(why, "%s of rank %d has no channels", what, d->rank);
  if (layout == CVK_BLOCKED && d->format.block < 1) return cpu_refuse(why, "%s block is %d", what, d->format.block);
  if (cvk_desc_bytes(d) == UINT64_MAX) return cpu_refuse(why, "%s bytes overflow", what);
  return 1;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  (void)variant;
  if (!known(x, "input", why) || !known(y, "output", why)) return 0;
  if (x->dtype != y->dtype || x->rank != y->rank) return cpu_refuse(why, "the tensors differ in more than format");
  c->in[0] = x->format;
  c->out[0] = y->format;
  const int32_t same = x->format.layout == y->format.layout && x->format.block == y->format.block;
  c->estimated_ns = cpu_ns_memory(device, (double)cvk_desc_bytes(x) + (double)cvk_desc_bytes(y), same ? 1.0 : 0.4);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  reorder_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->size = (int64_t)cvk_dtype_bytes(x->dtype);
  k->n = x->rank > 0 ? x->dim[0] : 1;
  k->c = x->rank > 1 ? x->dim[1] : 1;
  k->cells = x->rank > 2 ? cvk_count(x->rank - 2, x->dim + 2) : 1;
  k->from = layout_of(x, k->c, k->cells);
  k->to = layout_of(op->out[0], k->c, k->cells);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI int64_t offset(const image_layout *l, int64_t channel, int64_t cell) {
  return channel / l->block * l->block_step + channel % l->block * l->channel_step + cell * l->cell_step;
}

/* Copies `rows` by `columns` elements of SIZE bytes, each side with its own steps in elements; the column step of one of them is 1. */
VI void copy_matrix(const int SIZE, const char *x, int64_t x_row, int64_t x_column, char *y, int64_t y_row, int64_t y_column, int64_t rows,
                    int64_t columns) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < columns; i++) memcpy(y + (r * y_row + i * y_column) * SIZE, x + (r * x_row + i * x_column) * SIZE, SIZE);
}

/* n channels, channel_step apart, of plain data into one block of VL; lanes past n become zero. */
static void plain_to_block(const float *x, int64_t channel_step, int64_t n, float *y, int64_t cells) {
  for (int64_t i = 0; i < cells; i += VL) {
    const int64_t m = cpu_min(VL, cells - i);
    vf r[VL];
    for (int c = 0; c < VL; c++)
      r[c] = c >= n ? v_zero() : m == VL ? v_load(x + c * channel_step + i) : v_load_n(x + c * channel_step + i, m);
    v_transpose(r);
    for (int64_t t = 0; t < m; t++) v_store(y + (i + t) * VL, r[t]);
  }
}

static void block_to_plain(const float *x, float *y, int64_t channel_step, int64_t n, int64_t cells) {
  for (int64_t i = 0; i < cells; i += VL) {
    const int64_t m = cpu_min(VL, cells - i);
    vf r[VL];
    for (int t = 0; t < VL; t++) r[t] = t < m ? v_load(x + (i + t) * VL) : v_zero();
    v_transpose(r);
    for (int64_t c = 0; c < n; c++) v_store_n(y + c * channel_step + i, r[c], m);
  }
}

static void copy(int64_t size, const char *x, int64_t x_row, int64_t x_column, char *y, int64_t y_row, int64_t y_column, int64_t rows,
                 int64_t columns) {
  if (x_column == 1 && y_column == 1)
    for (int64_t r = 0; r < rows; r++) memcpy(y + r * y_row * size, x + r * x_row * size, (size_t)(columns * size));
  else if (size == 4 && x_row == 1 && y_row == VL && y_column == 1 && columns <= VL)
    plain_to_block((const float *)x, x_column, columns, (float *)y, rows);
  else if (size == 4 && y_row == 1 && x_row == VL && x_column == 1)
    block_to_plain((const float *)x, (float *)y, y_column, columns, rows);
  else if (size == 4)
    copy_matrix(4, x, x_row, x_column, y, y_row, y_column, rows, columns);
  else if (size == 1)
    copy_matrix(1, x, x_row, x_column, y, y_row, y_column, rows, columns);
  else if (size == 2)
    copy_matrix(2, x, x_row, x_column, y, y_row, y_column, rows, columns);
  else
    copy_matrix(8, x, x_row, x_column, y, y_row, y_column, rows, columns);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const reorder_job *j = arg;
  const reorder_kernel *k = j->k;
  const int64_t pieces = cpu_ceil_div(k->cells, CELLS), image = index / pieces, cell = index % pieces * CELLS;
  const int64_t cells = cpu_min(CELLS, k->cells - cell), size = k->size;
  const char *x = j->x + image * k->from.image_step * size;
  char *y = j->y + image * k->to.image_step * size;
  (void)worker;
  for (int64_t c = 0; c < k->c;) { /* channels that share a block on both sides */
    const int64_t n = cpu_min(cpu_min(k->from.block - c % k->from.block, k->to.block - c % k->to.block), k->c - c);
    const char *from = x + offset(&k->from, c, cell) * size;
    char *to = y + offset(&k->to, c, cell) * size;
    if (k->from.cell_step == 1 && k->to.cell_step == 1)
      copy(size, from, k->from.channel_step, 1, to, k->to.channel_step, 1, n, cells);
    else
      copy(size, from, k->from.cell_step, k->from.channel_step, to, k->to.cell_step, k->to.channel_step, cells, n);
    c += n;
  }
  if (k->to.lanes > k->c)
    for (int64_t i = 0; i < cells; i++) memset(y + offset(&k->to, k->c, cell + i) * size, 0, (size_t)((k->to.lanes - k->c) * size));
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const reorder_kernel *k = (const reorder_kernel *)kernel;
  reorder_job job = {k, in[0], out[0]};
  (void)workspace;
  if (k->c == 0) return CVK_OK;
  cpu_parallel(kernel->device, k->n * cpu_ceil_div(k->cells, CELLS), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(reorder_row) = {
    .name = CVK_ISA_ROW("reorder"), .kind = CVK_OP_REORDER, .accepts = accepts, .prepare = prepare, .execute = execute};
