/* SPDX-License-Identifier: Apache-2.0 */
/* op_run.c: one op, with one row, in one way, and everything around it watched: memory outside of tensors, inputs, lanes of blocks, allocations, the
 * floating-point mode. What the plugin is shown of the op is gone once prepare has returned. */
#include "op_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_mode.h"

enum { NEWER = 16 /* bytes that structs of a newer host have more, all zero */ };

/* ---- the op as the plugin sees it during prepare ---- */

typedef struct shown {
  struct { cvk_tensor_desc d; char more[NEWER]; } in[CASE_IN], out[SAMPLE_OUTPUTS];
  struct { cvk_op op; char more[NEWER]; } op;
  struct { cvk_post_op post; char more[NEWER]; } post[SAMPLE_STEPS];
  const cvk_tensor_desc *ins[CASE_IN], *outs[SAMPLE_OUTPUTS];
  const cvk_post_op *posts[SAMPLE_STEPS];
  uint64_t attr[sizeof(((op_case *)0)->attr) / 8], post_attr[SAMPLE_STEPS][8];
} shown;

/* Attributes begin with their size. */
static void grow(uint64_t *attr, uint32_t more) {
  uint32_t size;
  memcpy(&size, attr, sizeof size);
  size += more;
  memcpy(attr, &size, sizeof size);
}

static shown *show(const op_case *c, uint32_t more) {
  shown *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->op.op = c->op;
  s->op.op.struct_size += more;
  for (int32_t i = 0; i < c->op.n_in; i++) {
    s->in[i].d = c->in_desc[i];
    s->in[i].d.struct_size += more;
    s->ins[i] = c->in[i] ? &s->in[i].d : NULL;
  }
  for (int32_t i = 0; i < c->op.n_out; i++) {
    s->out[i].d = c->out_desc[i];
    s->out[i].d.struct_size += more;
    s->outs[i] = c->out[i] ? &s->out[i].d : NULL;
  }
  for (int32_t i = 0; i < c->op.n_post; i++) {
    s->post[i].post = c->post[i];
    s->post[i].post.struct_size += more;
    s->posts[i] = &s->post[i].post;
    if (c->post[i].attr == NULL) continue;
    memcpy(s->post_attr[i], c->post_attr[i], sizeof s->post_attr[i]);
    grow(s->post_attr[i], more);
    s->post[i].post.attr = s->post_attr[i];
  }
  memcpy(s->attr, c->attr, sizeof s->attr);
  if (c->op.attr != NULL) grow(s->attr, more);
  s->op.op.attr = c->op.attr != NULL ? s->attr : NULL;
  s->op.op.in = s->ins;
  s->op.op.out = s->outs;
  s->op.op.post = s->posts;
  return s;
}

static void hide(shown *s) {
  if (s != NULL) memset(s, 0xdd, sizeof *s);
  free(s);
}

/* ---- formats ---- */

/* On the device, from one format to another. */
static cvk_status reorder(plugin *p, const cvk_tensor_desc *from, place *src, const cvk_tensor_desc *to, place *dst) {
  const cvk_tensor_desc *in[1] = {from}, *out[1] = {to};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = in, .out = out};
  cvk_candidate room[MOST_CANDIDATES];
  cvk_pack *packs[1] = {NULL};
  cvk_kernel *kernel = NULL;
  place workspace;
  char why[TEXT_BYTES];
  int32_t n = 0;
  if (!plugin_ask(p, &op, room, &n, why, sizeof why) || n == 0) return CVK_UNSUPPORTED;
  cvk_status status = p->table.prepare(p->dev, &op, &room[0], packs, &kernel);
  if (status != CVK_OK) return status;
  status = place_make(p, room[0].workspace_bytes, room[0].workspace_alignment > 64 ? room[0].workspace_alignment : 64, AT_END, &workspace);
  if (status == CVK_OK) status = p->table.execute(kernel, p->queue, &src->arg, &dst->arg, &workspace.arg, NULL, 0, NULL);
  if (status == CVK_OK) status = plugin_finish(p);
  place_free(p, &workspace);
  p->table.kernel_free(kernel);
  return status;
}

static cvk_tensor_desc plain_of(const cvk_tensor_desc *d) {
  cvk_tensor_desc plain = *d;
  plain.format = (cvk_format){0};
  plain.const_data = NULL;
  return plain;
}

/* Puts plain data where the op will read it, in its format. */
static cvk_status fill(plugin *p, const cvk_tensor_desc *d, const void *data, place *to) {
  cvk_tensor_desc plain = plain_of(d), private = *d;
  private.const_data = NULL;
  if (d->format.layout == CVK_PLAIN) return place_write(p, to, data);
  if (d->format.layout == CVK_PRIVATE) {
    place from;
    cvk_status status = place_make(p, cvk_desc_bytes(&plain), cvk_dtype_bytes(d->dtype), AT_END, &from);
    if (status == CVK_OK) status = place_write(p, &from, data);
    if (status == CVK_OK) status = reorder(p, &plain, &from, &private, to);
    place_free(p, &from);
    return status;
  }
  void *other = malloc((size_t)cvk_desc_bytes(d) + 8);
  if (other == NULL) return CVK_NO_MEMORY;
  layout_from_plain(d, data, other);
  const cvk_status status = place_write(p, to, other);
  free(other);
  return status;
}

/* Reads an output as plain data (room for it is the caller's). *lanes 0: lanes past the last channel are not zero. */
static cvk_status drain(plugin *p, const cvk_tensor_desc *d, place *from, void *plain_data, int *lanes) {
  cvk_tensor_desc plain = plain_of(d);
  if (d->format.layout == CVK_PLAIN) return place_read(p, from, plain_data);
  if (d->format.layout == CVK_PRIVATE) {
    place to;
    cvk_status status = place_make(p, cvk_desc_bytes(&plain), cvk_dtype_bytes(d->dtype), AT_END, &to);
    if (status == CVK_OK) status = reorder(p, d, from, &plain, &to);
    if (status == CVK_OK) status = place_read(p, &to, plain_data);
    place_free(p, &to);
    return status;
  }
  void *other = malloc((size_t)cvk_desc_bytes(d) + 8);
  if (other == NULL) return CVK_NO_MEMORY;
  const cvk_status status = place_read(p, from, other);
  if (status == CVK_OK) layout_to_plain(d, other, plain_data);
  if (status == CVK_OK) *lanes = layout_lanes_are_zero(d, other);
  free(other);
  return status;
}

/* ---- a run ---- */

static void free_places(op_run *r) {
  for (int32_t i = 0; i < r->c->op.n_in; i++) place_free(r->p, &r->in[i]);
  for (int32_t i = 0; i < r->c->op.n_out; i++) place_free(r->p, &r->out[i]);
  place_free(r->p, &r->workspace);
}

void op_run_release(op_run *r) {
  plugin *p = r->p;
  if (r->kernel) p->table.kernel_free(r->kernel);
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    if (r->packs[i]) p->table.pack_free(r->packs[i]);
    block_free(&r->constant[i]);
  }
  free_places(r);
  r->kernel = NULL;
  memset(r->packs, 0, sizeof r->packs);
}

/* Constants, between pages that nobody may touch. */
static cvk_status make_constants(op_run *r, shown *s, int where) {
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    const cvk_tensor_desc *d = r->c->in[i];
    if (d == NULL || d->const_data == NULL) continue;
    const cvk_tensor_desc plain = plain_of(d);
    if (!block_make(&r->constant[i], cvk_desc_bytes(&plain), cvk_dtype_bytes(d->dtype), where)) return CVK_NO_MEMORY;
    memcpy(r->constant[i].data, d->const_data, (size_t)r->constant[i].bytes);
    block_protect(&r->constant[i], 0);
    s->in[i].d.const_data = r->constant[i].data;
  }
  return CVK_OK;
}

static cvk_status make_kernel(op_run *r, int where, uint32_t newer) {
  plugin *p = r->p;
  shown *s = show(r->c, newer ? NEWER : 0);
  cvk_status status = s ? make_constants(r, s, where) : CVK_NO_MEMORY;
  p->host->mode = r->mode;
  for (int32_t i = 0; i < r->c->op.n_in && i < CVK_CANDIDATE_INPUTS && status == CVK_OK; i++) {
    if (r->candidate->pack[i]) status = p->table.pack_create(p->dev, &s->op.op, r->candidate, i, &r->packs[i]);
  }
  if (status == CVK_OK) status = p->table.prepare(p->dev, &s->op.op, r->candidate, r->packs, &r->kernel);
  hide(s);
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    if (r->packs[i]) block_free(&r->constant[i]); /* what a pack was made of is gone */
  }
  return status;
}

static cvk_status make_places(op_run *r, int where) {
  plugin *p = r->p;
  const op_case *c = r->c;
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < c->op.n_in && status == CVK_OK; i++) {
    if (c->in[i] == NULL || r->packs[i]) continue;
    status = place_make(p, plugin_tensor_bytes(p, c->in[i]), cvk_dtype_bytes(c->in[i]->dtype), where, &r->in[i]);
    if (status == CVK_OK) status = fill(p, c->in[i], c->data[i], &r->in[i]);
  }
  for (int32_t i = 0; i < c->op.n_out && status == CVK_OK; i++) {
    if (c->out[i]) status = place_make(p, plugin_tensor_bytes(p, c->out[i]), cvk_dtype_bytes(c->out[i]->dtype), where, &r->out[i]);
  }
  const uint32_t asked = r->candidate->workspace_alignment;
  const uint64_t alignment = asked ? asked : p->info.alignment;
  if (status == CVK_OK) status = place_make(p, r->candidate->workspace_bytes, alignment, where, &r->workspace);
  return status;
}

cvk_status op_run_make(op_run *r, int where, uint32_t newer) {
  const cvk_status status = make_kernel(r, where, newer);
  return status == CVK_OK ? make_places(r, where) : status;
}

cvk_status op_run_move(op_run *r, int where) {
  free_places(r);
  return make_places(r, where);
}

static void protect(op_run *r, int writable, int32_t except) {
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    if (r->in[i].b.map && i != except) block_protect(&r->in[i].b, writable);
  }
}

/* What tasks share out: outputs, and the workspace. */
static watched watch(const op_run *r, int32_t i) {
  const place *at = i < SAMPLE_OUTPUTS ? &r->out[i] : &r->workspace;
  return (watched){at->b.data, at->b.bytes};
}

cvk_status op_run_execute(op_run *r, int32_t inplace) {
  plugin *p = r->p;
  cvk_arg in[CASE_IN] = {{0}}, out[SAMPLE_OUTPUTS] = {{0}};
  cvk_event *event = NULL;
  for (int32_t i = 0; i < r->c->op.n_in; i++) in[i] = r->in[i].arg;
  for (int32_t i = 0; i < r->c->op.n_out; i++) out[i] = r->out[i].arg;
  if (inplace >= 0) out[0] = in[inplace];
  const int with_event = r->with_event && p->table.event_wait != NULL;
  if (p->host_memory && !r->unwatched) protect(r, 0, inplace);
  p->host->mode = r->mode;
  for (int32_t i = 0; i < WATCHED; i++) p->host->watch[i] = watch(r, i);
  p->host->clashes = 0;
  p->host->in_execute = !with_event; /* an event is the one thing that may be made there */
  cvk_status status = p->table.execute(r->kernel, p->queue, in, out, &r->workspace.arg, NULL, 0, with_event ? &event : NULL);
  p->host->in_execute = 0;
  memset(p->host->watch, 0, sizeof p->host->watch);
  if (status == CVK_OK && event) status = p->table.event_wait(event, (int64_t)60 * 1000000000);
  if (status == CVK_OK && (event || r->unwatched)) status = plugin_finish(p); /* else who reads the output waits: a queue is in order */
  if (event) p->table.event_free(event);
  if (p->host_memory && !r->unwatched) protect(r, 1, inplace);
  return status;
}

/* ---- what a run must not have done ---- */

static int refuse(char *why, size_t why_bytes, const char *text, int32_t i) {
  const int n = snprintf(why, why_bytes, "%s", text);
  if (i >= 0) snprintf(why + n, why_bytes - (size_t)n, " %d", i);
  return 0;
}

int op_run_is_sound(op_run *r, char *why, size_t why_bytes) {
  plugin *p = r->p;
  for (int32_t i = 0; i < r->c->op.n_out; i++) {
    if (r->c->out[i] && !place_is_sound(p, &r->out[i])) return refuse(why, why_bytes, "P11: it wrote outside of output", i);
  }
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    if (r->c->in[i] && !r->packs[i] && !place_is_sound(p, &r->in[i])) return refuse(why, why_bytes, "P11: it wrote outside of input", i);
  }
  if (!place_is_sound(p, &r->workspace)) return refuse(why, why_bytes, "P11: it wrote outside of its workspace", -1);
  if (p->host->execute_calls) return refuse(why, why_bytes, "P10: execute allocates memory of the host's", -1);
  if (p->host->overruns) return refuse(why, why_bytes, "P11: it wrote past the end of memory that it had from alloc", -1);
  if (p->host->clashes) return refuse(why, why_bytes, "P14: two tasks of a loop write the same bytes of an output or of the workspace", -1);
  if (p->host->strays) return refuse(why, why_bytes, "P17: it gave free what alloc did not give", -1);
  if (cvk_fp_mode_get() != r->fp_mode) return refuse(why, why_bytes, "P6: it changed the floating-point mode", -1);
  return 1;
}

/* What device memory holds as inputs after a run. */
int op_run_kept_inputs(op_run *r, char *why, size_t why_bytes) {
  for (int32_t i = 0; i < r->c->op.n_in; i++) {
    const cvk_tensor_desc *d = r->c->in[i];
    int lanes = 1;
    if (d == NULL || r->packs[i] || r->p->host_memory) continue; /* host memory was read-only */
    cvk_tensor_desc plain = plain_of(d);
    void *data = malloc((size_t)cvk_desc_bytes(&plain) + 8);
    const int ok = data && drain(r->p, d, &r->in[i], data, &lanes) == CVK_OK && memcmp(data, r->c->data[i], (size_t)cvk_desc_bytes(&plain)) == 0;
    free(data);
    if (!ok) return refuse(why, why_bytes, "P11: it wrote to input", i);
  }
  return 1;
}

cvk_status op_run_read(op_run *r, int32_t o, int32_t inplace, void *plain, int *lanes) {
  *lanes = 1;
  return drain(r->p, r->c->out[o], inplace >= 0 && o == 0 ? &r->in[inplace] : &r->out[o], plain, lanes);
}

uint64_t op_run_bytes(const op_run *r, int32_t o) {
  cvk_tensor_desc plain = plain_of(&r->c->out_desc[o]);
  return cvk_desc_bytes(&plain);
}
