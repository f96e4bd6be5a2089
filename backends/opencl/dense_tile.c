/* SPDX-License-Identifier: Apache-2.0 */
/* dense_tile.c: the row of kernels_cl/dense.cl: register tiles over packed b; one row of y streams b once. */
#include "dense.h"
#include "lanes.h"
#include "post.h"

#define PACK_NUMBER 5
#define CHUNK 128 /* products summed before they join the total; see ocl_conv_chunk */

typedef struct tile {
  const char *kernel;
  int64_t rows, blocks;
} tile;

static const tile tiles[] = {{"dense_1x4", 1, 4}, {"dense_4x2", 4, 2}, {"dense_8x2", 8, 2}};

static const tile *tile_for(int64_t rows) {
  return &tiles[rows == 1 ? 0 : rows <= 4 ? 1 : 2];
}

static ocl_lanes lanes_of(const ocl_dense *d) {
  return (ocl_lanes){
      .batch = d->b_batch, .outs = d->columns, .depth = d->depth, .inner = 1, .out_stride = d->b_column, .depth_stride = d->b_depth};
}

int32_t dense_tile_accepts(ocl_query *q) {
  ocl_dense d;
  if (!ocl_dense_accept(q, &d) || !ocl_post_accept(q, CVK_PLAIN)) return 0;
  const ocl_lanes lanes = lanes_of(&d);
  ocl_want_pack(q, 1, PACK_NUMBER);
  if (!q->op->in[1]->const_data) q->candidate->workspace_bytes = ocl_lanes_bytes(&lanes);
  const double flops = 2.0 * (double)d.batch * (double)d.rows * (double)d.columns * (double)d.depth;
  q->candidate->estimated_ns = ocl_estimate(q->dev, flops, (double)ocl_lanes_bytes(&lanes), ocl_vectors(q->dev, d.rows == 1 ? 0.3 : 0.6));
  return 1;
}

uint64_t dense_tile_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_dense d;
  (void)input;
  ocl_dense_read(b->op, &d);
  const ocl_lanes lanes = lanes_of(&d);
  return ocl_lanes_bytes(&lanes);
}

void dense_tile_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_dense d;
  ocl_dense_read(b->op, &d);
  const ocl_lanes lanes = lanes_of(&d);
  ocl_lanes_fill(b->dev->host, &lanes, b->op->in[input]->const_data, dst);
}

cvk_status dense_tile_prepare(ocl_build *b) {
  const cvk_host *host = b->dev->host;
  ocl_dense d;
  ocl_dense_read(b->op, &d);
  const tile *t = tile_for(d.rows);
  if (!b->candidate->pack[1]) {
    const ocl_lanes lanes = lanes_of(&d);
    const cvk_status status = ocl_lanes_launch(b, &lanes, "dense", 1);
    if (status != CVK_OK) return status;
  }
  const uint64_t index_bytes = (uint64_t)d.batch * sizeof(int64_t);
  int64_t *index = host->alloc(host->ctx, 2 * index_bytes + 1, sizeof *index);
  if (!index) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for %lld matrix offsets", b->dev->label, (long long)d.batch);
  for (int64_t n = 0; n < d.batch; n++) ocl_dense_matrix(b->op, &d, n, &index[n], &index[d.batch + n]);
  ocl_launch *l = ocl_launch_begin(b, "dense", "", t->kernel);
  ocl_arg_in(l, b, 0);
  ocl_arg_packed(l, b, 1);
  ocl_arg_in(l, b, d.has_c ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_data(l, b, index, index_bytes);
  ocl_arg_data(l, b, index + d.batch, index_bytes);
  const int64_t chunk = d.depth / 6 < 4 ? 4 : d.depth / 6 > CHUNK ? CHUNK : d.depth / 6;
  ocl_arg_longs(
      l, 9, (int64_t[]){d.rows, d.columns, d.depth, d.a_row, d.a_depth, d.c_row, d.c_column, d.batch, t->rows == 1 ? chunk / 2 : chunk});
  ocl_arg_float(l, d.alpha);
  ocl_arg_float(l, d.beta);
  host->free(host->ctx, index);
  const int64_t blocks = (d.columns + OCL_BLOCK - 1) / OCL_BLOCK;
  return ocl_launch_end(b, l, 3, (int64_t[]){(d.rows + t->rows - 1) / t->rows, (blocks + t->blocks - 1) / t->blocks, d.batch},
                        (size_t[]){4, 8, 1});
}
