/* SPDX-License-Identifier: Apache-2.0 */
/* server_ops.c: an op is rebuilt from its items, with pointers into the message, and shown to the served backend. What a kernel may still
 * read after prepare, its constants without a pack, is copied and lives with the kernel. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* ---- an op from its items ---- */

typedef struct op_view {
  cvk_op op;
  cvk_tensor_desc *desc; /* of the inputs, then of the outputs */
  const cvk_tensor_desc **tensor;
  cvk_post_op *post;
  const cvk_post_op **posts;
} op_view;

static void view_free(op_view *v) {
  free(v->desc);
  free((void *)v->tensor);
  free(v->post);
  free((void *)v->posts);
}

static void read_desc(remote_reader *r, cvk_tensor_desc *d, const cvk_tensor_desc **place) {
  uint64_t n;
  *place = NULL;
  if (remote_get_int(r, 0, 1) == 0) return;
  remote_get_struct(r, d, sizeof *d);
  if (d->rank < 0 || d->rank > CVK_MAX_RANK) r->failed = 1;
  if (r->failed) return;
  *place = d;
  d->quant = NULL;
  d->const_data = NULL;
  if (remote_get_int(r, 0, 1) == 0) return;
  d->const_data = remote_get_data(r, &n);
  cvk_tensor_desc plain = *d;
  plain.format = (cvk_format){CVK_PLAIN, 0, 0};
  if (n != cvk_desc_bytes(&plain)) r->failed = 1;
  if (d->const_data == NULL) d->const_data = ""; /* a constant without elements is still one */
}

static const void *read_attr(remote_reader *r) {
  uint64_t n;
  uint32_t size = 0;
  const void *attr = remote_get_data(r, &n);
  if (attr == NULL) return NULL;
  if (n >= sizeof size) memcpy(&size, attr, sizeof size);
  if (size != n) r->failed = 1;
  return attr;
}

static cvk_status view_read(server *s, remote_reader *r, op_view *v) {
  cvk_op *op = &v->op;
  *v = (op_view){.desc = NULL};
  remote_get_struct(r, op, sizeof *op);
  if (op->n_in < 0 || op->n_in > REMOTE_MAX_ARGS || op->n_out < 0 || op->n_out > REMOTE_MAX_ARGS || op->n_post < 0 || op->n_post > REMOTE_MAX_ARGS)
    r->failed = 1;
  if (r->failed) return server_damaged(s);
  const size_t n = (size_t)op->n_in + (size_t)op->n_out, n_post = (size_t)op->n_post;
  v->desc = calloc(n + 1, sizeof *v->desc);
  v->tensor = calloc(n + 1, sizeof *v->tensor);
  v->post = calloc(n_post + 1, sizeof *v->post);
  v->posts = calloc(n_post + 1, sizeof *v->posts);
  if (v->desc == NULL || v->tensor == NULL || v->post == NULL || v->posts == NULL)
    return server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for an op of %zu tensors", n);
  for (size_t i = 0; i < n && !r->failed; i++) read_desc(r, &v->desc[i], &v->tensor[i]);
  op->attr = read_attr(r);
  for (size_t i = 0; i < n_post && !r->failed; i++) {
    remote_get_struct(r, &v->post[i], sizeof v->post[i]);
    v->post[i].attr = read_attr(r);
    v->posts[i] = &v->post[i];
    if (v->post[i].input < -1 || v->post[i].input >= op->n_in) r->failed = 1;
  }
  op->in = v->tensor;
  op->out = v->tensor + op->n_in;
  op->post = v->posts;
  return r->failed ? server_damaged(s) : CVK_OK;
}

static cvk_status read_candidate(server *s, remote_reader *r, cvk_candidate *c) {
  remote_get_struct(r, c, sizeof *c);
  const char *row = remote_get_text(r);
  if (r->failed) return server_damaged(s);
  c->row = remote_intern(&s->rows, row);
  return c->row != NULL ? CVK_OK : server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for the name of a kernel row");
}

/* ---- supports ---- */

static int32_t is_private(const cvk_candidate *c) {
  for (int32_t i = 0; i < CVK_CANDIDATE_INPUTS; i++)
    if (c->in[i].layout == CVK_PRIVATE) return 1;
  for (int32_t i = 0; i < CVK_CANDIDATE_OUTPUTS; i++)
    if (c->out[i].layout == CVK_PRIVATE) return 1;
  return 0;
}

static cvk_status put_candidates(server *s, cvk_candidate *c, int32_t n, int32_t wanted, remote_bytes *result) {
  int32_t kept = 0;
  for (int32_t i = 0; i < n; i++)
    if (!is_private(&c[i])) c[kept++] = c[i];
  if (kept == 0) return server_fail(s, CVK_UNSUPPORTED, "remote: each of the %d candidates has a private layout, which is not sent", (int)n);
  if (kept > wanted) kept = wanted;
  remote_put_int(result, kept);
  for (int32_t i = 0; i < kept; i++) {
    const char *row = c[i].row != NULL ? c[i].row : "?";
    c[i].row = NULL;
    remote_put_data(result, &c[i], sizeof c[i]);
    remote_put_text(result, row);
  }
  return CVK_OK;
}

cvk_status server_supports(server *s, remote_reader *r, remote_bytes *result) {
  cvk_candidate room[REMOTE_MAX_CANDIDATES], *list[REMOTE_MAX_CANDIDATES];
  int32_t n = REMOTE_MAX_CANDIDATES;
  op_view v;
  const server_device *dev = server_take(s, r, OBJECT_DEVICE);
  const int32_t wanted = (int32_t)remote_get_int(r, 1, INT32_MAX);
  cvk_status status = view_read(s, r, &v);
  for (int32_t i = 0; i < REMOTE_MAX_CANDIDATES; i++) {
    room[i] = (cvk_candidate){.struct_size = sizeof room[i], .inplace = -1};
    list[i] = &room[i];
  }
  if (status == CVK_OK) status = s->backend.supports(dev->handle, &v.op, list, &n);
  if (status == CVK_OK) status = put_candidates(s, room, n < REMOTE_MAX_CANDIDATES ? n : REMOTE_MAX_CANDIDATES, wanted, result);
  view_free(&v);
  return status;
}

/* ---- packs ---- */

cvk_status server_pack_create(server *s, remote_reader *r, remote_bytes *result) {
  op_view v = {.desc = NULL};
  cvk_candidate c;
  cvk_pack *pack = NULL;
  const server_device *dev = server_take(s, r, OBJECT_DEVICE);
  cvk_status status = read_candidate(s, r, &c);
  const int32_t input = (int32_t)remote_get_int(r, 0, CVK_CANDIDATE_INPUTS - 1);
  if (status == CVK_OK) status = view_read(s, r, &v);
  if (status == CVK_OK && (s->backend.pack_create == NULL || s->backend.pack_free == NULL))
    status = server_fail(s, CVK_UNSUPPORTED, "remote: the backend %s packs nothing", s->backend.name);
  if (status == CVK_OK) status = s->backend.pack_create(dev->handle, &v.op, &c, input, &pack);
  view_free(&v);
  return status == CVK_OK ? server_add(s, OBJECT_PACK, pack, result) : status;
}

/* ---- kernels ---- */

typedef struct server_kernel {
  cvk_kernel *kernel;
  int32_t n_in, n_out;
  cvk_arg *arg; /* inputs, outputs, workspace: filled by each execute */
  unsigned char *constants;
} server_kernel;

/* Moves the constants that come without a pack from the message to memory of the kernel's. */
static cvk_status keep_constants(server *s, op_view *v, cvk_pack *const *packs, server_kernel *k) {
  uint64_t bytes = 0;
  for (int32_t pass = 0; pass < 2; pass++) {
    uint64_t at = 0;
    for (int32_t i = 0; i < v->op.n_in; i++) {
      cvk_tensor_desc *d = &v->desc[i], plain = *d;
      if (v->tensor[i] == NULL || d->const_data == NULL || packs[i] != NULL) continue;
      plain.format = (cvk_format){CVK_PLAIN, 0, 0};
      const uint64_t n = cvk_desc_bytes(&plain); /* as long as what was read */
      if (pass == 1) d->const_data = memcpy(k->constants + at, d->const_data, n);
      at += (n + 63) / 64 * 64;
    }
    if (pass == 1 || at == 0) break;
    bytes = at;
    k->constants = server_alloc(bytes, 64);
    if (k->constants == NULL)
      return server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for %llu bytes of constants", (unsigned long long)bytes);
  }
  return CVK_OK;
}

void server_kernel_free(server *s, void *p) {
  server_kernel *k = p;
  if (k->kernel != NULL) s->backend.kernel_free(k->kernel);
  free(k->constants);
  free(k->arg);
  free(k);
}

static server_kernel *new_kernel(server *s, const cvk_op *op) {
  server_kernel *k = calloc(1, sizeof *k);
  if (k != NULL) k->arg = calloc((size_t)op->n_in + (size_t)op->n_out + 1, sizeof *k->arg);
  if (k != NULL && k->arg != NULL) {
    k->n_in = op->n_in;
    k->n_out = op->n_out;
    return k;
  }
  free(k);
  server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for a kernel");
  return NULL;
}

static cvk_status prepare_view(server *s, remote_reader *r, const server_device *dev, op_view *v, const cvk_candidate *c, remote_bytes *result) {
  cvk_pack *packs[REMOTE_MAX_ARGS] = {NULL};
  for (int32_t i = 0; i < v->op.n_in; i++) {
    const int64_t id = remote_get_int(r, 0, INT64_MAX);
    packs[i] = server_get(s, OBJECT_PACK, id);
    if (id != 0 && packs[i] == NULL) r->failed = 1;
  }
  if (r->failed) return server_damaged(s);
  server_kernel *k = new_kernel(s, &v->op);
  if (k == NULL) return CVK_NO_MEMORY;
  cvk_status status = keep_constants(s, v, packs, k);
  if (status == CVK_OK) status = s->backend.prepare(dev->handle, &v->op, c, packs, &k->kernel);
  if (status == CVK_OK) return server_add(s, OBJECT_KERNEL, k, result);
  k->kernel = NULL;
  server_kernel_free(s, k);
  return status;
}

cvk_status server_prepare(server *s, remote_reader *r, remote_bytes *result) {
  op_view v = {.desc = NULL};
  cvk_candidate c;
  const server_device *dev = server_take(s, r, OBJECT_DEVICE);
  cvk_status status = read_candidate(s, r, &c);
  if (status == CVK_OK) status = view_read(s, r, &v);
  if (status == CVK_OK) status = prepare_view(s, r, dev, &v, &c, result);
  view_free(&v);
  return status;
}

static void read_arg(const server *s, remote_reader *r, cvk_arg *arg) {
  const int64_t id = remote_get_int(r, 0, INT64_MAX);
  const server_buffer *buf = server_get(s, OBJECT_BUFFER, id);
  arg->buffer = buf != NULL ? buf->p : NULL;
  arg->offset_bytes = (uint64_t)remote_get_int(r, 0, INT64_MAX);
  arg->bytes = (uint64_t)remote_get_int(r, 0, INT64_MAX);
  if (id == 0) return;
  if (buf == NULL || arg->offset_bytes > buf->bytes || arg->bytes > buf->bytes - arg->offset_bytes) r->failed = 1;
}

cvk_status server_execute(server *s, remote_reader *r, remote_bytes *result) {
  server_kernel *k = server_take(s, r, OBJECT_KERNEL);
  (void)result;
  if (r->failed) return server_damaged(s);
  const int32_t n = k->n_in + k->n_out;
  for (int32_t i = 0; i <= n; i++) read_arg(s, r, &k->arg[i]);
  if (r->failed) return server_damaged(s);
  return s->backend.execute(k->kernel, NULL, k->arg, k->arg + k->n_in, k->arg + n, NULL, 0, NULL);
}
