/* SPDX-License-Identifier: Apache-2.0 */
/* run_op.c: see run_op.h. */
#define _GNU_SOURCE
#include "run_op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

cvk_tensor_desc run_desc(int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = dtype, .rank = rank};
  for (int32_t i = 0; i < rank; i++) d.dim[i] = dim[i];
  return d;
}

/* An op of the boundary with its arrays of pointers. */
typedef struct boundary_op {
  cvk_op op;
  cvk_tensor_desc desc[2][RUN_ARGS];
  const cvk_tensor_desc *pointer[2][RUN_ARGS];
  cvk_post_op post[8];
  const cvk_post_op *post_pointer[8];
} boundary_op;

static void make_op(boundary_op *b, const run_op *op, const cvk_candidate *c) {
  const cvk_tensor_desc *descs[2] = {op->in, op->out};
  const int32_t n[2] = {op->n_in, op->n_out};
  memset(b, 0, sizeof *b);
  for (int side = 0; side < 2; side++)
    for (int32_t i = 0; i < n[side]; i++) {
      if (descs[side][i].rank < 0) continue;
      b->desc[side][i] = descs[side][i];
      b->pointer[side][i] = &b->desc[side][i];
      if (c) b->desc[side][i].format = side == 0 ? c->in[i < CVK_CANDIDATE_INPUTS ? i : CVK_CANDIDATE_INPUTS - 1] : c->out[i < 2 ? i : 1];
      if (side == 0 && op->constant[i]) b->desc[0][i].const_data = op->in_data[i];
    }
  for (int32_t i = 0; i < op->n_post; i++) {
    b->post[i] = op->post[i];
    b->post[i].struct_size = sizeof b->post[i];
    b->post_pointer[i] = &b->post[i];
  }
  b->op = (cvk_op){.struct_size = sizeof b->op,
                   .kind = op->kind,
                   .n_in = op->n_in,
                   .n_out = op->n_out,
                   .in = b->pointer[0],
                   .out = b->pointer[1],
                   .attr = op->attr,
                   .n_post = op->n_post,
                   .flags = op->flags,
                   .post = b->post_pointer};
}

int run_candidates(mini_host *m, const run_op *op, cvk_candidate *c) {
  boundary_op b;
  cvk_candidate *pointer[RUN_CANDIDATES];
  int32_t n = RUN_CANDIDATES;
  make_op(&b, op, NULL);
  for (int i = 0; i < RUN_CANDIDATES; i++) {
    c[i] = (cvk_candidate){.struct_size = sizeof c[i]};
    pointer[i] = &c[i];
  }
  return m->backend->supports(m->device, &b.op, pointer, &n) == CVK_OK ? n : 0;
}

/* Where element `flat` of a plain tensor lies in d's format. */
static int64_t place(const cvk_tensor_desc *d, int64_t flat) {
  if (d->format.layout == CVK_PLAIN || d->rank < 2) return flat;
  int64_t cells = 1;
  for (int32_t i = 2; i < d->rank; i++) cells *= d->dim[i];
  const int64_t cell = flat % cells, c = flat / cells % d->dim[1], n = flat / cells / d->dim[1];
  if (d->format.layout == CVK_NHWC) return (n * cells + cell) * d->dim[1] + c;
  const int64_t block = d->format.block, blocks = (d->dim[1] + block - 1) / block;
  return ((n * blocks + c / block) * cells + cell) * block + c % block;
}

/* Bytes of a tensor of a test; a shape that overflows is the test's mistake. */
static size_t bytes_of(const cvk_tensor_desc *d) {
  const uint64_t bytes = cvk_desc_bytes(d);
  if (bytes > (uint64_t)1 << 40) abort();
  return (size_t)bytes;
}

static void copy_in(const cvk_tensor_desc *d, const void *plain, char *to) {
  const int64_t n = cvk_count(d->rank, d->dim), size = (int64_t)cvk_dtype_bytes(d->dtype);
  memset(to, 0, bytes_of(d));
  for (int64_t i = 0; i < n; i++) memcpy(to + place(d, i) * size, (const char *)plain + i * size, (size_t)size);
}

/* 0 when a lane past the channels is not zero. */
static int copy_out(const cvk_tensor_desc *d, const char *from, void *plain) {
  const int64_t n = cvk_count(d->rank, d->dim), size = (int64_t)cvk_dtype_bytes(d->dtype), bytes = (int64_t)bytes_of(d);
  char *rest = malloc((size_t)bytes + 1);
  int clean = 1;
  memcpy(rest, from, (size_t)bytes);
  for (int64_t i = 0; i < n; i++) {
    memcpy((char *)plain + i * size, from + place(d, i) * size, (size_t)size);
    memset(rest + place(d, i) * size, 0, (size_t)size);
  }
  for (int64_t i = 0; i + 4 <= bytes; i += 4) {
    float lane;
    memcpy(&lane, rest + i, 4);
    if (d->format.layout == CVK_BLOCKED && lane != 0) clean = 0;
  }
  free(rest);
  return clean;
}

typedef struct region {
  char *map, *data;
  size_t map_bytes;
} region;

static region region_new(size_t bytes, int placement) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
  region r = {.map_bytes = body + 2 * page};
  r.map = mmap(NULL, r.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (r.map == MAP_FAILED) abort();
  mprotect(r.map, page, PROT_NONE);
  mprotect(r.map + page + body, page, PROT_NONE);
  r.data = placement == RUN_END ? r.map + page + body - bytes : r.map + page;
  memset(r.data, 0xff, bytes); /* NaN: what a kernel forgets to write shows */
  return r;
}
static void region_free(region *r) {
  if (r->map) munmap(r->map, r->map_bytes);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

cvk_status run_row(mini_host *m, const run_op *op, const cvk_candidate *c, int placement, int runs, double *ns) {
  boundary_op b;
  region in[RUN_ARGS] = {{0}}, out[RUN_ARGS] = {{0}}, scratch = {0};
  cvk_arg in_arg[RUN_ARGS] = {{0}}, out_arg[RUN_ARGS] = {{0}};
  cvk_pack *pack[RUN_ARGS] = {0};
  cvk_kernel *kernel = NULL;
  cvk_status status = CVK_OK;
  make_op(&b, op, c);
  for (int32_t i = 0; i < op->n_in && status == CVK_OK; i++) {
    if (!b.op.in[i]) continue;
    if (i < CVK_CANDIDATE_INPUTS && c->pack[i]) {
      status = m->backend->pack_create(m->device, &b.op, c, i, &pack[i]);
      continue;
    }
    const size_t bytes = bytes_of(b.op.in[i]);
    in[i] = region_new(bytes, placement);
    copy_in(b.op.in[i], op->in_data[i], in[i].data);
    in_arg[i] = (cvk_arg){in[i].data, 0, bytes};
  }
  for (int32_t i = 0; i < op->n_out; i++) {
    if (!b.op.out[i]) continue;
    const size_t bytes = bytes_of(b.op.out[i]);
    out[i] = region_new(bytes, placement);
    out_arg[i] = (cvk_arg){out[i].data, 0, bytes};
  }
  scratch = region_new((c->workspace_bytes + 63) / 64 * 64, RUN_BEGIN);
  if (status == CVK_OK) status = m->backend->prepare(m->device, &b.op, c, pack, &kernel);
  for (int r = 0; status == CVK_OK && r < runs; r++) {
    const double t0 = now_ns();
    status = m->backend->execute(kernel, NULL, in_arg, out_arg, &(cvk_arg){scratch.data, 0, c->workspace_bytes}, NULL, 0, NULL);
    const double t = now_ns() - t0;
    if (ns && (r == 0 || t < *ns)) *ns = t;
  }
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++)
    if (b.op.out[i] && !copy_out(b.op.out[i], out[i].data, op->out_data[i]))
      status = m->host.fail(m, CVK_INTERNAL, "a tail lane is not zero");
  m->backend->kernel_free(kernel);
  for (int32_t i = 0; i < op->n_in; i++) {
    if (pack[i]) m->backend->pack_free(pack[i]);
    region_free(&in[i]);
  }
  for (int32_t i = 0; i < op->n_out; i++) region_free(&out[i]);
  region_free(&scratch);
  return status;
}

void run_set_formats(run_op *op, cvk_format in, cvk_format out) {
  op->in[0].format = in;
  op->out[0].format = out;
}

void run_fill(float *p, int64_t n, uint32_t seed, int positive) {
  uint32_t s = seed * 2654435761u + 1;
  for (int64_t i = 0; i < n; i++) {
    s = s * 1664525u + 1013904223u;
    p[i] = (float)(s >> 8) / 8388608.0f + (positive ? 0.5f : -1.0f);
    if (positive) p[i] = 0.5f + (float)(s >> 8) / 16777216.0f;
  }
}
