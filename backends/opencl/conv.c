/* SPDX-License-Identifier: Apache-2.0 */
/* conv.c: reads a convolution's shape from its descs and resolved attribute. */
#include "conv.h"

#include <math.h>

#define ITEMS_A_UNIT 16     /* so many items a compute unit even out what each takes */
#define ITEM_PRODUCTS 2.0e6 /* an item takes more tiles only up to so many multiply-adds: some 20 us */
#define LINE 96             /* cells that a row of a pointwise convolution has, where there are so many */

/* Columns of one pixel lie in memory as one row does: the axis that moves becomes the last, where tiles are filled. */
static void turn_column(ocl_conv *c) {
  if (c->in[2] != 1 || c->out[2] != 1 || c->kernel[2] != 1 || c->pad[2] != 0) return;
  int64_t *const axes[] = {c->in, c->out, c->kernel, c->stride, c->dilation, c->pad};
  for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
    const int64_t last = axes[i][2];
    axes[i][2] = axes[i][1];
    axes[i][1] = last;
  }
}

/* A pointwise convolution does not care where rows end. */
static void join_rows(ocl_conv *c) {
  for (int32_t i = 0; i < 3; i++)
    if (c->kernel[i] != 1 || c->in[i] != c->out[i] || c->stride[i] != 1 || c->pad[i] != 0) return;
  const int64_t rows = c->in[0] * c->in[1];
  int64_t join = 1;
  while (join < rows && (rows % join || join * c->in[2] < LINE)) join++;
  c->in[0] = c->out[0] = 1;
  c->in[1] = c->out[1] = rows / join;
  c->in[2] = c->out[2] = join * c->in[2];
}

void ocl_conv_read(const cvk_op *op, ocl_conv *c) {
  const cvk_tensor_desc *x = op->in[0], *w = op->in[1], *y = op->out[0];
  const cvk_conv_attr *attr = op->attr;
  const int32_t spatial = x->rank - 2;
  *c = (ocl_conv){.batch = x->dim[0],
                  .channels_in = x->dim[1],
                  .channels_out = y->dim[1],
                  .group = attr->group,
                  .taps = 1,
                  .pixels_in = 1,
                  .pixels_out = 1};
  c->in_group = c->channels_in / c->group;
  c->out_group = c->channels_out / c->group;
  for (int32_t i = 0; i < 3; i++) {
    const int32_t s = i - (3 - spatial);
    c->in[i] = s < 0 ? 1 : x->dim[2 + s];
    c->out[i] = s < 0 ? 1 : y->dim[2 + s];
    c->kernel[i] = s < 0 ? 1 : w->dim[2 + s];
    c->stride[i] = s < 0 ? 1 : attr->stride[s];
    c->dilation[i] = s < 0 ? 1 : attr->dilation[s];
    c->pad[i] = s < 0 ? 0 : attr->pad_begin[s];
    c->taps *= c->kernel[i];
    c->pixels_in *= c->in[i];
    c->pixels_out *= c->out[i];
  }
  turn_column(c);
  join_rows(c);
  const double pixels = op->kind == CVK_OP_CONV ? (double)c->pixels_out * (double)c->channels_out * (double)c->in_group
                                                : (double)c->pixels_in * (double)c->channels_in * (double)c->out_group;
  c->multiply_adds = (double)c->batch * pixels * (double)c->taps;
}

int32_t ocl_conv_accept(ocl_query *q, ocl_conv *c) {
  const cvk_op *op = q->op;
  const cvk_tensor_desc *x = op->in[0];
  if (x->rank < 3 || x->rank > 5) return ocl_refuse(q, "%d spatial axes, takes 1 to 3", (int)x->rank - 2);
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] && op->in[i]->dtype != CVK_F32)
      return ocl_refuse(q, "input %d has element type %d, takes float32", (int)i, (int)op->in[i]->dtype);
  ocl_conv_read(op, c);
  return 1;
}

int32_t ocl_conv_finite(const cvk_op *op) {
  const cvk_tensor_desc *w = op->in[1];
  const float *v = w->const_data;
  const int64_t n = cvk_count(w->rank, w->dim);
  for (int64_t i = 0; v && i < n; i++)
    if (!isfinite(v[i])) return 0;
  return v != NULL;
}

#define WINOGRAD_PAD_MOST 2 /* an output cell that sees padding only must be exact, and its tile's neighbours would leave rounding errors \
                             */
#define WINOGRAD_MOST_SIDE 6

const double ocl_winograd_rows2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

int32_t ocl_winograd_accept(ocl_query *q, ocl_conv *c) {
  if (q->op->flags & CVK_EXACT) return ocl_refuse(q, "exact results were asked for");
  if (!ocl_conv_accept(q, c)) return 0;
  if (q->op->in[0]->rank != 4 || c->kernel[1] != 3 || c->kernel[2] != 3)
    return ocl_refuse(q, "kernel %lldx%lld, takes 3x3", (long long)c->kernel[1], (long long)c->kernel[2]);
  if (c->stride[1] != 1 || c->stride[2] != 1 || c->dilation[1] != 1 || c->dilation[2] != 1)
    return ocl_refuse(q, "a stride or dilation above 1");
  for (int32_t i = 1; i < 3; i++) {
    const int64_t pad_end = c->out[i] - c->in[i] - c->pad[i] + 2;
    if (c->pad[i] > WINOGRAD_PAD_MOST || pad_end > WINOGRAD_PAD_MOST)
      return ocl_refuse(q, "pads %lld and %lld, takes at most %d", (long long)c->pad[i], (long long)pad_end, WINOGRAD_PAD_MOST);
  }
  if (!ocl_conv_finite(q->op)) return ocl_refuse(q, "weights that are not constant, or not all finite");
  return 1;
}

void ocl_winograd_weights(int64_t side, const double (*rows)[3], const float *g, float *u) {
  double half[WINOGRAD_MOST_SIDE][3];
  for (int64_t i = 0; i < side; i++)
    for (int64_t t = 0; t < 3; t++) half[i][t] = rows[i][0] * (double)g[t] + rows[i][1] * (double)g[3 + t] + rows[i][2] * (double)g[6 + t];
  for (int64_t i = 0; i < side * side; i++) {
    const double *row = rows[i % side], *from = half[i / side];
    u[i] = (float)(row[0] * from[0] + row[1] * from[1] + row[2] * from[2]);
  }
}

/* About a sixth of all terms a chunk, 128 at most: the rounding of the chunks' sum and that inside a chunk are then both small. */
int64_t ocl_conv_chunk(const ocl_conv *c, int64_t terms_a_tap) {
  const int64_t chunk = c->in_group * c->taps / (6 * terms_a_tap), most = 128 / terms_a_tap;
  return chunk < 1 ? 1 : chunk > most ? most : chunk;
}

int64_t ocl_conv_tiles_an_item(const cvk_backend_device *dev, int64_t tiles, int64_t others, double products) {
  if (tiles == 0) return 0;
  if (!dev->cpu_class) return 1;
  const int64_t most = tiles * others / (ITEMS_A_UNIT * dev->units);
  int64_t per_item = products > 0 && ITEM_PRODUCTS / products < (double)tiles ? (int64_t)(ITEM_PRODUCTS / products) : tiles;
  if (per_item > most) per_item = most;
  return per_item < 1 ? 1 : per_item;
}

void ocl_arg_conv(ocl_launch *l, const ocl_conv *c) {
  ocl_arg_longs(l, 3, (int64_t[]){c->in_group, c->out_group, c->group});
  ocl_arg_longs(l, 3, c->in);
  ocl_arg_longs(l, 3, c->out);
  ocl_arg_longs(l, 3, c->kernel);
  ocl_arg_longs(l, 3, c->stride);
  ocl_arg_longs(l, 3, c->dilation);
  ocl_arg_longs(l, 3, c->pad);
  ocl_arg_longs(l, 2, (int64_t[]){c->batch, ocl_conv_chunk(c, 1)});
}
