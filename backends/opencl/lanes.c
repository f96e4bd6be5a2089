/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.c: see lanes.h. */
#include "lanes.h"
#include "view.h"

#define BATCHES_AT_ONCE 64 /* of the index table that is made on the stack */

static int64_t blocks_of(const ocl_lanes *s) {
  return (s->outs + OCL_BLOCK - 1) / OCL_BLOCK;
}

static int64_t start_of(const ocl_lanes *s, int64_t batch) {
  const int64_t inner = s->batch_inner ? s->batch_inner : 1;
  return s->batch_index ? s->batch_index[batch] : batch / inner * inner * s->outs * s->depth + batch % inner;
}

uint64_t ocl_lanes_bytes(const ocl_lanes *s) {
  return (uint64_t)s->batch * (uint64_t)blocks_of(s) * (uint64_t)s->depth * OCL_BLOCK * sizeof(float);
}

typedef struct fill_task {
  const ocl_lanes *shape;
  const float *w;
  float *dst;
} fill_task;

/* One block of one batch. */
static void fill_block(void *arg, int64_t index, int32_t worker) {
  const fill_task *task = arg;
  const ocl_lanes *s = task->shape;
  const int64_t n = index / blocks_of(s), first = index % blocks_of(s) * OCL_BLOCK;
  const float *from = task->w + start_of(s, n) + first * s->out_stride;
  float *to = task->dst + index * s->depth * OCL_BLOCK;
  (void)worker;
  for (int64_t d = 0; d < s->depth; d++, to += OCL_BLOCK) {
    const float *row = from + d / s->inner * s->depth_stride + d % s->inner;
    for (int64_t lane = 0; lane < OCL_BLOCK; lane++) to[lane] = first + lane < s->outs ? row[lane * s->out_stride] : 0.0f;
  }
}

void ocl_lanes_fill(const cvk_host *host, const ocl_lanes *s, const float *w, float *dst) {
  fill_task task = {s, w, dst};
  host->parallel_for(host->ctx, s->batch * blocks_of(s), fill_block, &task);
}

cvk_status ocl_lanes_launch(ocl_build *b, const ocl_lanes *s, const char *file, int32_t input) {
  const cvk_host *host = b->dev->host;
  int64_t local[BATCHES_AT_ONCE], *made = NULL;
  const int64_t *index = s->batch_index;
  if (!index) {
    made = s->batch <= BATCHES_AT_ONCE ? local : host->alloc(host->ctx, (uint64_t)s->batch * sizeof *made, sizeof *made);
    if (!made) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for %lld batch offsets", b->dev->label, (long long)s->batch);
    for (int64_t n = 0; n < s->batch; n++) made[n] = start_of(s, n);
    index = made;
  }
  ocl_launch *l = ocl_launch_begin(b, file, "", "pack_lanes");
  ocl_arg_in(l, b, input);
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_data(l, b, index, (uint64_t)s->batch * sizeof *index);
  const int64_t share = ocl_rows_per_item(b->dev, s->depth, OCL_BLOCK);
  ocl_arg_longs(l, 7, (int64_t[]){s->outs, s->depth, s->inner, s->out_stride, s->depth_stride, s->batch, share});
  if (made && made != local) host->free(host->ctx, made);
  return ocl_launch_end(b, l, 3, (int64_t[]){(s->depth + share - 1) / share, blocks_of(s), s->batch}, (size_t[]){16, 4, 1});
}

void ocl_arg_packed(ocl_launch *l, ocl_build *b, int32_t input) {
  if (b->candidate->pack[input])
    ocl_arg_in(l, b, input);
  else
    ocl_arg_workspace(l, 0, sizeof(float));
}
