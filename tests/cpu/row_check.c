/* SPDX-License-Identifier: Apache-2.0 */
/* row_check.c: see row_check.h. */
#include "row_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mini_host.h"

/* Memory between two inaccessible pages: the data ends at the second, or begins one element after the first. */
typedef struct fence {
  char *map, *data;
  size_t map_bytes, bytes;
} fence;

static fence fence_new(size_t bytes, size_t element, int at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + element + page - 1) / page * page;
  fence f = {.map_bytes = room + 2 * page, .bytes = bytes};
  f.map = mmap(NULL, f.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert(f.map != MAP_FAILED);
  ck_assert(mprotect(f.map, page, PROT_NONE) == 0 && mprotect(f.map + page + room, page, PROT_NONE) == 0);
  memset(f.map + page, 0xa5, room);
  f.data = at_end ? f.map + page + room - bytes : f.map + page + element;
  return f;
}

/* Whether the bytes around the data, inside the fence, are still as they were. */
static int fence_clean(const fence *f) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (const char *p = f->map + page; p < f->map + f->map_bytes - page; p++)
    if ((p < f->data || p >= f->data + f->bytes) && *p != (char)0xa5) return 0;
  return 1;
}

static void fence_free(fence *f) {
  if (f->map) munmap(f->map, f->map_bytes);
  f->map = NULL;
}

static uint32_t next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static size_t bytes_of(const cvk_tensor_desc *d) {
  const uint64_t n = cvk_desc_bytes(d);
  if (n > 1u << 30) ck_abort_msg("a tensor of %llu bytes", (unsigned long long)n);
  return (size_t)n;
}

static size_t count_of(const row_tensor *t) {
  return (size_t)cvk_count(t->rank, t->dim);
}

row_tensor row_random(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed) {
  row_tensor t = {.dtype = dtype, .rank = rank};
  const size_t size = cvk_dtype_bytes(dtype);
  uint32_t state = seed * 2654435761u + 12345;
  for (int32_t i = 0; i < rank; i++) t.dim[i] = dim[i];
  t.data = calloc(count_of(&t) + 1, size);
  for (size_t i = 0; i < count_of(&t); i++) {
    const uint32_t r = next(&state);
    if (dtype == CVK_F32)
      ((float *)t.data)[i] = ((float)(r & 0xffff) - 32768.0f) / 8192.0f;
    else if (dtype == CVK_F64)
      ((double *)t.data)[i] = ((double)(r & 0xffff) - 32768.0) / 8192.0;
    else if (dtype == CVK_I64)
      ((int64_t *)t.data)[i] = (int64_t)(r % 31) - 15;
    else if (dtype == CVK_I32)
      ((int32_t *)t.data)[i] = (int32_t)(r % 31) - 15;
    else if (dtype == CVK_BOOL)
      ((uint8_t *)t.data)[i] = r >> 4 & 1;
    else
      for (size_t b = 0; b < size; b++) ((uint8_t *)t.data)[i * size + b] = (uint8_t)next(&state);
  }
  return t;
}

row_tensor row_floats(int32_t rank, const int64_t *dim, const float *values) {
  row_tensor t = row_random(CVK_F32, rank, dim, 1);
  memcpy(t.data, values, count_of(&t) * sizeof(float));
  return t;
}

row_tensor row_ints(int64_t n, const int64_t *values, int32_t value) {
  row_tensor t = row_random(CVK_I64, 1, &n, 1);
  memcpy(t.data, values, (size_t)n * sizeof(int64_t));
  t.value = value;
  return t;
}

void row_sprinkle(row_tensor *t) {
  static const float special[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-41f, -1e-41f, 3e38f, -3e38f, 1.0f, -90.0f, 100.0f, 1e-20f};
  float *x = t->data;
  for (size_t i = 0, k = 0; i < count_of(t); i += 3 + k % 4, k++) x[i] = special[k % (sizeof special / sizeof *special)];
}

static cvk_tensor_desc desc_of(const row_tensor *t) {
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = t->dtype, .rank = t->rank, .const_data = t->value ? t->data : NULL};
  memcpy(d.dim, t->dim, sizeof(int64_t) * (size_t)t->rank);
  return d;
}

/* Element (plain index) to its place in a blocked tensor. */
static size_t blocked_place(const cvk_tensor_desc *d, size_t i) {
  size_t spatial = 1;
  for (int32_t a = 2; a < d->rank; a++) spatial *= (size_t)d->dim[a];
  const size_t block = (size_t)d->format.block, channels = (size_t)d->dim[1], s = i % spatial, c = i / spatial % channels;
  return ((i / spatial / channels * ((channels + block - 1) / block) + c / block) * spatial + s) * block + c % block;
}

static size_t place(const cvk_tensor_desc *d, size_t i) {
  return d->format.layout == CVK_BLOCKED ? blocked_place(d, i) : i;
}

static void put(const cvk_tensor_desc *d, const void *plain, void *data) {
  const size_t size = cvk_dtype_bytes(d->dtype), n = (size_t)cvk_count(d->rank, d->dim);
  if (d->format.layout == CVK_BLOCKED) memset(data, 0, bytes_of(d));
  for (size_t i = 0; i < n; i++) memcpy((char *)data + place(d, i) * size, (const char *)plain + i * size, size);
}

/* Everything of one case that does not depend on a candidate. */
typedef struct bench {
  row_case *c;
  cvk_tensor_desc in[ROW_INPUTS], out[ROW_OUTPUTS];
  const cvk_tensor_desc *in_ptr[ROW_INPUTS], *out_ptr[ROW_OUTPUTS];
  cvk_any_attr attr;
  cvk_op op;
  void *expected[ROW_OUTPUTS];
} bench;

static void compare(const bench *b, const char *what, int32_t o, const cvk_tensor_desc *d, const void *data) {
  const size_t size = cvk_dtype_bytes(d->dtype), n = (size_t)cvk_count(d->rank, d->dim);
  const char *want = b->expected[o];
  for (size_t i = 0; i < n; i++) {
    const char *got = (const char *)data + place(d, i) * size;
    if (d->dtype == CVK_F32) {
      float g, w;
      memcpy(&g, got, 4);
      memcpy(&w, want + i * 4, 4);
      if ((isnan(g) && isnan(w)) || g == w) continue;
      const double bound = b->c->absolute + b->c->relative * fabs((double)w);
      if (!(fabs((double)g - (double)w) <= bound))
        ck_abort_msg("%s output %d element %zu: got %.9g, want %.9g (bound %.3g)", what, o, i, (double)g, (double)w, bound);
    } else if (memcmp(got, want + i * size, size) != 0) {
      ck_abort_msg("%s output %d element %zu of %zu differs", what, o, i, n);
    }
  }
  if (d->format.layout != CVK_BLOCKED) return;
  const size_t total = bytes_of(d) / size;
  char *seen = calloc(total + 1, 1);
  for (size_t i = 0; i < n; i++) seen[blocked_place(d, i)] = 1;
  for (size_t i = 0; i < total * size; i++)
    if (!seen[i / size] && ((const char *)data)[i] != 0)
      ck_abort_msg("%s output %d: lane %zu past the last channel is not zero", what, o, i / size);
  free(seen);
}

/* One execution. The bytes of output 0 are kept at the first call and compared at the later ones. */
static void run_candidate(const bench *b, mini_host *h, const cvk_candidate *cand, int at_end, int inplace, fence *kept) {
  cvk_tensor_desc in[ROW_INPUTS], out[ROW_OUTPUTS];
  const cvk_tensor_desc *in_ptr[ROW_INPUTS], *out_ptr[ROW_OUTPUTS];
  fence fin[ROW_INPUTS] = {0}, fout[ROW_OUTPUTS] = {0}, work = {0};
  cvk_arg args_in[ROW_INPUTS] = {0}, args_out[ROW_OUTPUTS] = {0}, workspace = {0};
  cvk_op op = b->op;
  char what[256];
  snprintf(what, sizeof what, "%s kind %d%s%s threads %d", cand->row, op.kind, cand->out[0].block ? " blocked" : "",
           inplace ? " in place" : "", h->threads);
  for (int32_t i = 0; i < op.n_in; i++) {
    in[i] = b->in[i];
    in[i].format = cand->in[i < CVK_CANDIDATE_INPUTS ? i : CVK_CANDIDATE_INPUTS - 1];
    in_ptr[i] = b->in_ptr[i] ? &in[i] : NULL;
    if (!in_ptr[i]) continue;
    fin[i] = fence_new(bytes_of(&in[i]), cvk_dtype_bytes(in[i].dtype), at_end);
    put(&in[i], b->c->in[i].data, fin[i].data);
    args_in[i] = (cvk_arg){fin[i].data, 0, fin[i].bytes};
  }
  for (int32_t i = 0; i < op.n_out; i++) {
    out[i] = b->out[i];
    out[i].format = cand->out[i < CVK_CANDIDATE_OUTPUTS ? i : CVK_CANDIDATE_OUTPUTS - 1];
    out_ptr[i] = b->out_ptr[i] ? &out[i] : NULL;
    if (!out_ptr[i]) continue;
    if (!(inplace && i == 0)) fout[i] = fence_new(bytes_of(&out[i]), cvk_dtype_bytes(out[i].dtype), at_end);
    args_out[i] = inplace && i == 0 ? args_in[cand->inplace] : (cvk_arg){fout[i].data, 0, fout[i].bytes};
  }
  op.in = in_ptr;
  op.out = out_ptr;
  if (cand->workspace_bytes) {
    work = fence_new((size_t)cand->workspace_bytes, 64, at_end);
    work.data = (char *)((uintptr_t)work.data / 64 * 64);
    workspace = (cvk_arg){work.data, 0, cand->workspace_bytes};
  }
  cvk_kernel *kernel = NULL;
  cvk_pack *packs[ROW_INPUTS] = {0};
  for (int32_t i = 0; i < op.n_in && i < CVK_CANDIDATE_INPUTS; i++) {
    if (!cand->pack[i]) continue;
    ck_assert_msg(h->backend->pack_create(h->device, &op, cand, i, &packs[i]) == CVK_OK, "%s: pack of input %d: %s", what, i, h->message);
    args_in[i] = (cvk_arg){0};
  }
  ck_assert_msg(h->backend->prepare(h->device, &op, cand, packs, &kernel) == CVK_OK, "%s: prepare: %s", what, h->message);
  for (int again = 0; again < (inplace ? 1 : 2); again++)
    ck_assert_msg(h->backend->execute(kernel, NULL, args_in, args_out, &workspace, NULL, 0, NULL) == CVK_OK, "%s: execute: %s", what,
                  h->message);
  for (int32_t i = 0; i < op.n_out; i++) {
    if (!out_ptr[i]) continue;
    compare(b, what, i, &out[i], args_out[i].buffer);
    if (fout[i].map) ck_assert_msg(fence_clean(&fout[i]), "%s: output %d: a byte outside was written", what, i);
  }
  if (kept && out_ptr[0]) {
    if (!kept->map) {
      *kept = fence_new((size_t)args_out[0].bytes, 8, 1);
      memcpy(kept->data, args_out[0].buffer, args_out[0].bytes);
    } else {
      ck_assert_msg(memcmp(kept->data, args_out[0].buffer, args_out[0].bytes) == 0, "%s: other bits than before", what);
    }
  }
  h->backend->kernel_free(kernel);
  for (int32_t i = 0; i < ROW_INPUTS; i++) h->backend->pack_free(packs[i]);
  for (int32_t i = 0; i < ROW_INPUTS; i++) fence_free(&fin[i]);
  for (int32_t i = 0; i < ROW_OUTPUTS; i++) fence_free(&fout[i]);
  fence_free(&work);
}

static int may_run_inplace(const bench *b, const cvk_candidate *c) {
  if (c->inplace < 0) return 0;
  cvk_tensor_desc in = b->in[c->inplace], out = b->out[0];
  in.format = c->in[c->inplace];
  out.format = c->out[0];
  return cvk_desc_bytes(&in) == cvk_desc_bytes(&out);
}

enum { CANDIDATES = 8 };

static int32_t ask(const bench *b, const mini_host *h, cvk_candidate *found) {
  cvk_candidate *list[CANDIDATES];
  int32_t n = CANDIDATES;
  for (int32_t i = 0; i < CANDIDATES; i++) {
    found[i] = (cvk_candidate){.struct_size = sizeof(cvk_candidate)};
    list[i] = &found[i];
  }
  return h->backend->supports(h->device, &b->op, list, &n) == CVK_OK ? n : 0;
}

/* 0: the machine lacks the instruction set. */
static int check_cap(const bench *b, const char *cap) {
  cvk_candidate found[CANDIDATES], threaded[CANDIDATES]; /* a workspace may depend on the number of workers */
  mini_host one, three;
  if (!mini_host_open(&one, cap, 1)) return 0;
  ck_assert(mini_host_open(&three, cap, 3));
  const int32_t n = ask(b, &one, found);
  ck_assert(ask(b, &three, threaded) == n);
  int named = b->c->row == NULL, blocked = !b->c->blocked;
  for (int32_t i = 0; i < n; i++) {
    fence kept = {0};
    named |= b->c->row && strncmp(found[i].row, b->c->row, strlen(b->c->row)) == 0;
    blocked |= found[i].in[0].layout == CVK_BLOCKED;
    ck_assert(found[i].estimated_ns > 0 || cvk_count(b->out[0].rank, b->out[0].dim) == 0);
    ck_assert_str_eq(found[i].row, threaded[i].row);
    run_candidate(b, &one, &found[i], 1, 0, &kept);
    run_candidate(b, &one, &found[i], 0, 0, &kept);
    run_candidate(b, &three, &threaded[i], 1, 0, &kept);
    if (may_run_inplace(b, &found[i])) run_candidate(b, &one, &found[i], 1, 1, &kept);
    fence_free(&kept);
  }
  ck_assert_msg(named, "kind %d: row %s takes it not under %s: %s", b->op.kind, b->c->row, cap, one.message);
  ck_assert_msg(blocked, "kind %d: no blocked row takes it under %s", b->op.kind, cap);
  mini_host_close(&one);
  mini_host_close(&three);
  ck_assert(one.allocated == 0 && three.allocated == 0);
  return 1;
}

void row_check(row_case *c) {
  bench b = {.c = c};
  const void *in[ROW_INPUTS] = {0};
  if (c->n_out == 0) c->n_out = 1;
  for (int32_t i = 0; i < c->n_in; i++) {
    if (c->in[i].dtype == 0) continue;
    b.in[i] = desc_of(&c->in[i]);
    b.in_ptr[i] = &b.in[i];
    in[i] = c->in[i].data;
  }
  ck_ok(cvk_op_resolve(c->kind, c->attr, c->n_in, b.in_ptr, c->n_out, b.out, &b.attr));
  for (int32_t i = 0; i < c->n_out; i++) {
    if (c->unwanted >> i & 1) continue;
    b.out_ptr[i] = &b.out[i];
    b.expected[i] = calloc(bytes_of(&b.out[i]) + 8, 1);
  }
  const cvk_op_def *def = cvk_op_def_find(c->kind);
  b.op = (cvk_op){.struct_size = sizeof(cvk_op),
                  .kind = c->kind,
                  .n_in = c->n_in,
                  .n_out = c->n_out,
                  .in = b.in_ptr,
                  .out = b.out_ptr,
                  .attr = def->attr_bytes ? &b.attr : NULL};
  ck_ok(def->reference(&b.op, in, b.expected));
  int caps = 0;
  for (int32_t i = 0; mini_host_caps[i]; i++) caps += check_cap(&b, mini_host_caps[i]);
  ck_assert_msg(caps > 0, "the plugin %s does not open", MINI_HOST_PLUGIN);
  for (int32_t i = 0; i < c->n_out; i++) free(b.expected[i]);
  for (int32_t i = 0; i < c->n_in; i++) free(c->in[i].data);
}
