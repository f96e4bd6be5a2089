/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad_list.c: the rows of CONV_GRAD_WEIGHT, best first, and those of kernels_cl/conv_grad.cl: any convolution plain, and blocked by 16
 * channels on devices of class cpu. */
#include "conv_grad.h"
#include "lists.h"
#include "view.h"

#define LEAST_ITEMS 64          /* that many keep the units of a CPU busy */
#define MOST_ITEMS (1 << 17)    /* that many fill any other device */
#define CACHE_BYTES (512 << 10) /* of x and gy that neighbouring items read again */
#define JOIN_COLUMNS 8          /* of an item */

enum { EACH, BLOCKED, FIRST, DEPTHWISE }; /* row->variant */

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static int64_t blocks_of(int64_t n) { return ceil_div(n, OCL_BLOCK); }

/* A pointwise convolution does not care where rows end. */
static void join_rows(ocl_conv_grad *g) {
  for (int32_t i = 0; i < 3; i++)
    if (g->kernel[i] != 1 || g->in[i] != g->out[i] || g->stride[i] != 1 || g->pad[i] != 0) return;
  g->in[2] = g->out[2] = g->pixels_in;
  g->in[0] = g->in[1] = g->out[0] = g->out[1] = 1;
}

void ocl_conv_grad_read(const cvk_op *op, ocl_conv_grad *g) {
  const cvk_tensor_desc *x = op->in[0], *gy = op->in[1];
  const cvk_conv_attr *a = op->attr;
  *g = (ocl_conv_grad){.batch = x->dim[0], .groups = a->group, .in_group = x->dim[1] / a->group, .out_group = gy->dim[1] / a->group,
                       .filters = gy->dim[1], .taps = 1, .pixels_in = 1, .pixels_out = 1};
  for (int32_t i = 0; i < 3; i++) {
    const int32_t s = i - (3 - (x->rank - 2));
    g->in[i] = s < 0 ? 1 : x->dim[2 + s];
    g->out[i] = s < 0 ? 1 : gy->dim[2 + s];
    g->kernel[i] = s < 0 ? 1 : a->kernel[s];
    g->stride[i] = s < 0 ? 1 : a->stride[s];
    g->dilation[i] = s < 0 ? 1 : a->dilation[s];
    g->pad[i] = s < 0 ? 0 : a->pad_begin[s];
    g->taps *= g->kernel[i];
    g->pixels_in *= g->in[i];
    g->pixels_out *= g->out[i];
  }
  join_rows(g);
  g->weights = g->in_group * g->taps;
  g->columns = g->weights + (op->n_out > 1 && op->out[1]);
  g->multiply_adds = (double)g->batch * (double)g->pixels_out * (double)g->filters * (double)g->columns;
}

int32_t ocl_conv_grad_accept(ocl_query *q, ocl_conv_grad *g) {
  if (!ocl_takes_f32(q) || !ocl_takes_no_post(q)) return 0;
  ocl_conv_grad_read(q->op, g);
  return 1;
}

/* ---- what the kernels of conv_grad.cl make of it ---- */

typedef struct plan {
  const char *kernel;
  int64_t items, blocks;        /* of the first two dimensions */
  int64_t share, parts;         /* images of a part */
  uint64_t parts_bytes;         /* of the workspace */
  double flops;
} plan;

/* Columns that an item of conv_grad_first takes: those which waste least. */
static int64_t first_outer(const cvk_backend_device *dev, int64_t wide) {
  static const int64_t outers[] = {9, 7, 5};
  int64_t best = 5;
  for (size_t i = 0; i < sizeof outers / sizeof *outers && dev->vector_floats >= OCL_BLOCK; i++)
    if (ceil_div(wide, outers[i]) * outers[i] < ceil_div(wide, best) * best) best = outers[i];
  return best;
}

static int64_t parts_for(const cvk_backend_device *dev, const ocl_conv_grad *g, int64_t items, int64_t bytes) {
  const int64_t wanted = dev->cpu_class ? LEAST_ITEMS : MOST_ITEMS, by_items = wanted / (items > 0 ? items : 1);
  const int64_t by_cache = dev->cpu_class ? bytes / CACHE_BYTES : 1, parts = by_items > by_cache ? by_items : by_cache;
  return parts < 1 ? 1 : parts > g->batch ? g->batch : parts;
}

static plan plan_of(const cvk_backend_device *dev, const ocl_conv_grad *g, int32_t variant) {
  const int64_t bias = g->columns - g->weights;
  int64_t outer = 1, bytes = 0;
  plan p = {.kernel = "conv_grad_each", .items = g->columns, .blocks = g->filters};
  if (variant != EACH) p.blocks = g->groups > 1 && variant == BLOCKED ? g->groups * blocks_of(g->out_group) : blocks_of(g->filters);
  if (variant == BLOCKED) {
    const int32_t narrow = dev->vector_floats < OCL_BLOCK;
    outer = narrow ? 4 : g->in_group > 8 ? 16 : 8;
    p.kernel = outer == 4 ? "conv_grad_blocked_4" : outer == 8 ? "conv_grad_blocked_8" : "conv_grad_blocked_16";
    p.items = g->taps * ceil_div(g->in_group, outer) + bias;
    bytes = g->batch * (g->pixels_in + g->pixels_out) * OCL_BLOCK * (int64_t)sizeof(float);
  } else if (variant == FIRST) {
    const int64_t wide = g->in_group * g->kernel[2];
    outer = first_outer(dev, wide);
    p.kernel = outer == 5 ? "conv_grad_first_5" : outer == 7 ? "conv_grad_first_7" : "conv_grad_first_9";
    p.items = g->kernel[1] * ceil_div(wide, outer) + bias;
    bytes = g->batch * (g->pixels_in * g->in_group + g->pixels_out * OCL_BLOCK) * (int64_t)sizeof(float);
  } else if (variant == DEPTHWISE) {
    p.kernel = "conv_grad_depthwise";
  }
  p.parts = parts_for(dev, g, p.items * p.blocks, bytes);
  p.share = p.parts > 0 ? ceil_div(g->batch, p.parts) : 0;
  p.parts = p.share > 0 ? ceil_div(g->batch, p.share) : 0;
  p.flops = variant == EACH ? 2 * g->multiply_adds
                            : 2.0 * (double)g->batch * (double)g->pixels_out * (double)(p.blocks * OCL_BLOCK) * (double)(p.items * outer);
  p.parts_bytes = (uint64_t)(p.parts * p.blocks * (variant == EACH ? 1 : OCL_BLOCK) * g->columns) * sizeof(float);
  return p;
}

static int32_t accepts(ocl_query *q) {
  const int32_t variant = q->row->variant, blocks = variant != EACH;
  ocl_conv_grad g;
  if (blocks && !q->dev->cpu_class) return ocl_refuse(q, "a device that is no CPU");
  if (!ocl_conv_grad_accept(q, &g)) return 0;
  if (blocks && g.kernel[0] * g.in[0] * g.out[0] != 1) return ocl_refuse(q, "three spatial axes, takes 1 or 2");
  if (blocks && g.batch * g.pixels_out == 0) return ocl_refuse(q, "nothing to sum");
  if (variant == BLOCKED && g.groups > 1 && (g.in_group % OCL_BLOCK || g.out_group % OCL_BLOCK))
    return ocl_refuse(q, "groups of %lld and %lld channels are not whole blocks of %d", (long long)g.in_group, (long long)g.out_group, OCL_BLOCK);
  if (variant == FIRST && g.groups > 1) return ocl_refuse(q, "%lld groups, takes 1", (long long)g.groups);
  if (variant == DEPTHWISE && (g.in_group != 1 || g.out_group != 1)) return ocl_refuse(q, "groups of more than one channel");
  if (blocks) ocl_want_in(q, 1, CVK_BLOCKED);
  if (variant == BLOCKED || variant == DEPTHWISE) ocl_want_in(q, 0, CVK_BLOCKED);
  const plan p = plan_of(q->dev, &g, variant);
  q->candidate->workspace_bytes = p.parts_bytes;
  static const double efficiency[] = {[EACH] = 0.01, [BLOCKED] = 0.5, [FIRST] = 0.4, [DEPTHWISE] = 0.1};
  q->candidate->estimated_ns = ocl_estimate(q->dev, p.flops, ocl_traffic(q->op) + 2 * (double)p.parts_bytes, efficiency[variant]);
  return 1;
}

static void arg_shape(ocl_launch *l, const ocl_conv_grad *g, const plan *p) {
  const int64_t *const axes[] = {g->in, g->out, g->kernel, g->stride, g->dilation, g->pad};
  ocl_arg_longs(l, 5, (int64_t[]){g->batch, p->share, g->groups, g->in_group, g->out_group});
  for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) ocl_arg_longs(l, 3, axes[i]);
  ocl_arg_long(l, g->columns);
}

static void begin_join(ocl_launch *l, ocl_build *b, const ocl_conv_grad *g, int64_t parts) {
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_out(l, b, 0);
  ocl_arg_out(l, b, 1);
  ocl_arg_longs(l, 4, (int64_t[]){parts, g->filters, g->columns, g->weights});
}

static cvk_status join(ocl_build *b, const ocl_conv_grad *g, const char *options, int64_t parts) {
  ocl_launch *l = ocl_launch_begin(b, "conv_grad", options, "conv_grad_join");
  begin_join(l, b, g, parts);
  return ocl_launch_end(b, l, 2, (int64_t[]){g->columns, g->filters}, (size_t[]){16, 4});
}

static cvk_status join_lanes(ocl_build *b, const ocl_conv_grad *g, const char *options, const plan *p) {
  ocl_launch *l = ocl_launch_begin(b, "conv_grad", options, "conv_grad_join_lanes");
  begin_join(l, b, g, p->parts);
  ocl_arg_long(l, JOIN_COLUMNS);
  return ocl_launch_end(b, l, 2, (int64_t[]){ceil_div(g->columns, JOIN_COLUMNS), p->blocks}, NULL);
}

static cvk_status prepare(ocl_build *b) {
  const char *options = b->dev->cpu_class ? "-DVECTORS" : "";
  ocl_conv_grad g;
  ocl_conv_grad_read(b->op, &g);
  const plan p = plan_of(b->dev, &g, b->row->variant);
  ocl_launch *l = ocl_launch_begin(b, "conv_grad", options, p.kernel);
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_workspace(l, 0, sizeof(float));
  arg_shape(l, &g, &p);
  const cvk_status status = ocl_launch_end(b, l, 3, (int64_t[]){p.items, p.blocks, p.parts}, (size_t[]){16, 4, 1});
  if (status != CVK_OK) return status;
  return b->row->variant == EACH ? join(b, &g, options, p.parts) : join_lanes(b, &g, options, &p);
}

static const int32_t kinds[] = {CVK_OP_CONV_GRAD_WEIGHT};
static const ocl_row rows[] = {
    {.name = "conv_grad_depthwise", .variant = DEPTHWISE, .accepts = accepts, .prepare = prepare},
    {.name = "conv_grad_first", .variant = FIRST, .accepts = accepts, .prepare = prepare},
    {.name = "conv_grad_blocked", .variant = BLOCKED, .accepts = accepts, .prepare = prepare},
    {.name = "conv_grad_tile", .accepts = conv_grad_tile_accepts, .prepare = conv_grad_tile_prepare},
    {.name = "conv_grad_each", .variant = EACH, .accepts = accepts, .prepare = prepare},
};
const ocl_list ocl_conv_grad_list = {kinds, 1, sizeof rows / sizeof *rows, rows};
