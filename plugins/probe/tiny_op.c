/* SPDX-License-Identifier: Apache-2.0 */
/* tiny_op.c: one op of a few numbers on a device, the first of a list that it supports; see trial.h. Plain formats, all inputs given at run
 * time; where the device wants weights constant, these. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

enum { MOST_IN = 2, MOST_OUT = 9, CANDIDATES = 16 };
#define FINISH_LIMIT_NS ((int64_t)20 * 1000000000)

typedef struct tiny_tensor {
  int32_t rank;
  int64_t dim[4];
  float v[MOST_OUT];
} tiny_tensor;

typedef struct tiny_op {
  const char *name;
  int32_t kind, n_in;
  const void *attr;
  tiny_tensor in[MOST_IN], out;
} tiny_op;

static const cvk_unary_attr half = {.struct_size = sizeof half, .alpha = 0.5f};
static const cvk_gemm_attr product = {.struct_size = sizeof product, .alpha = 1, .beta = 1};
static const cvk_conv_attr conv = {
    .struct_size = sizeof conv, .kernel = {1, 1}, .stride = {1, 1, 1, 1, 1, 1}, .dilation = {1, 1, 1, 1, 1, 1}, .group = 1};
static const cvk_pool_attr pool = {.struct_size = sizeof pool, .kernel = {2, 2}, .stride = {1, 1}, .dilation = {1, 1}};

static const tiny_op ops[] = {
    {"relu", CVK_OP_RELU, 1, NULL, {{1, {5}, {-2, -1, 0, 1, 2}}}, {1, {5}, {0, 0, 0, 1, 2}}},
    {"leaky_relu", CVK_OP_LEAKY_RELU, 1, &half, {{1, {5}, {-2, -1, 0, 1, 2}}}, {1, {5}, {-1, -0.5f, 0, 1, 2}}},
    {"add", CVK_OP_ADD, 2, NULL, {{1, {3}, {1, 2, 3}}, {1, {3}, {4, 5, 6}}}, {1, {3}, {5, 7, 9}}},
    {"mul", CVK_OP_MUL, 2, NULL, {{1, {3}, {1, 2, 3}}, {1, {3}, {4, 5, 6}}}, {1, {3}, {4, 10, 18}}},
    {"conv", CVK_OP_CONV, 2, &conv, {{4, {1, 1, 1, 3}, {1, 2, 3}}, {4, {1, 1, 1, 1}, {2}}}, {4, {1, 1, 1, 3}, {2, 4, 6}}},
    {"max_pool", CVK_OP_MAX_POOL, 1, &pool, {{4, {1, 1, 2, 2}, {1, 4, 2, 3}}}, {4, {1, 1, 1, 1}, {4}}},
    {"gemm", CVK_OP_GEMM, 2, &product, {{2, {1, 2}, {1, 2}}, {2, {2, 1}, {3, 4}}}, {2, {1, 1}, {11}}},
    {"matmul", CVK_OP_MATMUL, 2, NULL, {{2, {1, 2}, {1, 2}}, {2, {2, 1}, {3, 4}}}, {2, {1, 1}, {11}}},
};

/* An op on a device, on its way. */
typedef struct run {
  const cvk_backend *b;
  cvk_backend_device *dev;
  const tiny_op *tiny;
  int32_t host_memory;
  cvk_queue *queue;
  cvk_tensor_desc desc[MOST_IN + 1];
  const cvk_tensor_desc *in[MOST_IN], *out[1];
  cvk_op op;
  cvk_candidate candidate;
  cvk_pack *packs[MOST_IN];
  cvk_kernel *kernel;
  cvk_arg arg[MOST_IN + 2]; /* inputs, output, workspace */
  char *memory[MOST_IN + 2];
} run;

static uint64_t bytes_of(const tiny_tensor *t) { return (uint64_t)cvk_count(t->rank, t->dim) * sizeof(float); }

static cvk_tensor_desc desc_of(const tiny_tensor *t, int32_t constant) {
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = CVK_F32, .rank = t->rank, .const_data = constant ? t->v : NULL};
  memcpy(d.dim, t->dim, sizeof t->dim);
  return d;
}

static void describe(run *r, int32_t constant) {
  const tiny_op *t = r->tiny;
  for (int32_t i = 0; i < t->n_in; i++) {
    r->desc[i] = desc_of(&t->in[i], constant && i > 0);
    r->in[i] = &r->desc[i];
  }
  r->desc[t->n_in] = desc_of(&t->out, 0);
  r->out[0] = &r->desc[t->n_in];
  r->op = (cvk_op){.struct_size = sizeof r->op, .kind = t->kind, .n_in = t->n_in, .n_out = 1, .in = r->in, .out = r->out, .attr = t->attr};
}

static int32_t is_plain(const cvk_candidate *c, int32_t n_in) {
  int32_t plain = c->out[0].layout == CVK_PLAIN;
  for (int32_t i = 0; i < n_in; i++) plain &= c->in[i].layout == CVK_PLAIN;
  return plain;
}

/* Whether the device has a plain way; it is in r->candidate then. */
static int32_t supported(run *r) {
  cvk_candidate room[CANDIDATES], *list[CANDIDATES];
  int32_t n = CANDIDATES;
  for (int32_t i = 0; i < CANDIDATES; i++) {
    room[i] = (cvk_candidate){.struct_size = sizeof room[i], .inplace = -1};
    list[i] = &room[i];
  }
  if (r->b->supports(r->dev, &r->op, list, &n) != CVK_OK) return 0;
  for (int32_t i = 0; i < n && i < CANDIDATES; i++) {
    if (!is_plain(&room[i], r->tiny->n_in)) continue;
    r->candidate = room[i];
    return 1;
  }
  return 0;
}

static cvk_status allocate(run *r, int32_t i, uint64_t bytes) {
  r->arg[i].bytes = bytes;
  if (bytes == 0) bytes = 1;
  if (!r->host_memory) return r->b->buffer_alloc(r->dev, bytes, (cvk_buffer **)&r->arg[i].buffer);
  const size_t alignment = i == r->tiny->n_in + 1 && r->candidate.workspace_alignment > 64 ? r->candidate.workspace_alignment : 64;
  r->memory[i] = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  r->arg[i].buffer = r->memory[i];
  return r->memory[i] ? CVK_OK : CVK_NO_MEMORY;
}

static cvk_status set_up(run *r) {
  const tiny_op *t = r->tiny;
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < t->n_in && status == CVK_OK; i++) {
    if (r->candidate.pack[i]) {
      if (r->b->pack_create == NULL || r->desc[i].const_data == NULL) return CVK_INTERNAL;
      status = r->b->pack_create(r->dev, &r->op, &r->candidate, i, &r->packs[i]);
      continue;
    }
    status = allocate(r, i, bytes_of(&t->in[i]));
    if (status != CVK_OK) break;
    if (r->host_memory) memcpy(r->memory[i], t->in[i].v, bytes_of(&t->in[i]));
    else status = r->b->buffer_write(r->queue, r->arg[i].buffer, 0, bytes_of(&t->in[i]), t->in[i].v);
  }
  if (status == CVK_OK) status = allocate(r, t->n_in, bytes_of(&t->out));
  if (status == CVK_OK) status = allocate(r, t->n_in + 1, r->candidate.workspace_bytes);
  if (status == CVK_OK) status = r->b->prepare(r->dev, &r->op, &r->candidate, r->packs, &r->kernel);
  return status;
}

static cvk_status compute(run *r, float *result) {
  const int32_t n = r->tiny->n_in;
  const uint64_t bytes = bytes_of(&r->tiny->out);
  cvk_status status = r->b->execute(r->kernel, r->queue, r->arg, &r->arg[n], &r->arg[n + 1], NULL, 0, NULL);
  if (status == CVK_OK && !r->host_memory) status = r->b->buffer_read(r->queue, r->arg[n].buffer, 0, bytes, result);
  if (status == CVK_OK && r->queue) status = r->b->queue_finish(r->queue, FINISH_LIMIT_NS);
  if (status == CVK_OK && r->host_memory) memcpy(result, r->memory[n], bytes);
  return status;
}

static void tear_down(run *r) {
  if (r->kernel) r->b->kernel_free(r->kernel);
  for (int32_t i = 0; i < MOST_IN; i++) {
    if (r->packs[i]) r->b->pack_free(r->packs[i]);
  }
  for (int32_t i = 0; i < MOST_IN + 2; i++) {
    if (r->host_memory) free(r->memory[i]);
    else if (r->arg[i].buffer) r->b->buffer_free(r->arg[i].buffer);
  }
}

static int32_t is_right(const tiny_op *t, const float *result, char *why, size_t why_bytes) {
  for (int64_t i = 0; i < cvk_count(t->out.rank, t->out.dim); i++) {
    if (result[i] == t->out.v[i]) continue;
    snprintf(why, why_bytes, "its %s gave %g where %g is right", t->name, (double)result[i], (double)t->out.v[i]);
    return 0;
  }
  return 1;
}

cvk_status tiny_op_run(const cvk_backend *b, cvk_backend_device *dev, const cvk_device_info *info, int32_t *right, char *why, size_t why_bytes) {
  const int32_t host_memory = b->buffer_alloc == NULL || (info->flags & CVK_DEVICE_HOST_MEMORY) != 0;
  float result[MOST_OUT] = {0};
  *right = 1;
  for (size_t k = 0; k < 2 * sizeof ops / sizeof *ops; k++) {
    run r = {.b = b, .dev = dev, .tiny = &ops[k / 2], .host_memory = host_memory};
    describe(&r, (int32_t)(k % 2));
    if (!supported(&r)) continue;
    cvk_status status = b->queue_open ? b->queue_open(dev, 0, &r.queue) : CVK_OK;
    if (status == CVK_OK) status = set_up(&r);
    if (status == CVK_OK) status = compute(&r, result);
    if (status != CVK_OK) snprintf(why, why_bytes, "its %s failed", r.tiny->name);
    if (status == CVK_TIMEOUT) return status; /* what the queue uses must stay */
    tear_down(&r);
    if (r.queue) b->queue_close(r.queue);
    if (status == CVK_OK) *right = is_right(r.tiny, result, why, why_bytes);
    return status;
  }
  return CVK_OK;
}
