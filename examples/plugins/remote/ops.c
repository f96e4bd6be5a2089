/* SPDX-License-Identifier: Apache-2.0 */
/* ops.c: an op as a message, and the calls that carry one. The pointers of cvk_op, its descs and its post-ops are followed here and sent as
 * what they point to; constants go whole, each time, since a backend may look at them already in supports. */
#include <string.h>

#include "client.h"

/* ---- an op as items. Each function returns NULL, or why the op cannot be sent. ---- */

static const char *put_desc(remote_bytes *b, const cvk_tensor_desc *desc) {
  cvk_tensor_desc d = {0};
  remote_put_int(b, desc != NULL);
  if (desc == NULL) return NULL;
  remote_copy_struct(&d, sizeof d, desc);
  const void *data = d.const_data;
  if (d.quant != NULL) return "quantised tensors are not sent";
  if (d.format.layout == CVK_PRIVATE) return "private layouts are not sent";
  d.const_data = NULL;
  remote_put_data(b, &d, sizeof d);
  d.format = (cvk_format){CVK_PLAIN, 0, 0}; /* const_data is always plain */
  const uint64_t bytes = cvk_desc_bytes(&d);
  if (data != NULL && bytes > REMOTE_MAX_BYTES) return "a constant is too large or of an unknown type";
  remote_put_int(b, data != NULL);
  if (data != NULL) remote_put_data(b, data, bytes);
  return NULL;
}

static const char *put_attr(remote_bytes *b, const void *attr) {
  uint32_t size = 0;
  if (attr != NULL) memcpy(&size, attr, sizeof size);
  if (attr != NULL && (size < sizeof size || size > 1u << 16)) return "an attribute's struct_size makes no sense";
  remote_put_data(b, attr, size);
  return NULL;
}

static const char *put_op(remote_bytes *b, const cvk_op *from) {
  cvk_op op = {0};
  const char *why = NULL;
  remote_copy_struct(&op, sizeof op, from);
  if (op.n_in > REMOTE_MAX_ARGS || op.n_out > REMOTE_MAX_ARGS || op.n_post > REMOTE_MAX_ARGS) return "more than 1024 tensors or post-ops";
  op.in = op.out = NULL;
  op.attr = NULL;
  op.post = NULL;
  remote_put_data(b, &op, sizeof op);
  for (int32_t i = 0; i < op.n_in && why == NULL; i++) why = put_desc(b, from->in[i]);
  for (int32_t i = 0; i < op.n_out && why == NULL; i++) why = put_desc(b, from->out[i]);
  if (why == NULL) why = put_attr(b, from->attr);
  for (int32_t i = 0; i < op.n_post && why == NULL; i++) {
    cvk_post_op post = {0};
    remote_copy_struct(&post, sizeof post, from->post[i]);
    post.attr = NULL;
    remote_put_data(b, &post, sizeof post);
    why = put_attr(b, from->post[i]->attr);
  }
  return why;
}

static void begin_op(remote_call *c, int32_t kind, const cvk_backend_device *dev, const cvk_candidate *from) {
  cvk_candidate candidate = {0};
  remote_copy_struct(&candidate, sizeof candidate, from);
  candidate.row = NULL;
  remote_call_begin(c, kind);
  remote_put_int(&c->message, dev->o.id);
  remote_put_data(&c->message, &candidate, sizeof candidate);
  remote_put_text(&c->message, from->row);
}

static cvk_status refuse(const cvk_instance *inst, const char *why) {
  inst->host->log(inst->host->ctx, CVK_LOG_DISPATCH, why);
  return remote_fail(inst, CVK_UNSUPPORTED, "remote: %s", why);
}

static cvk_status refuse_call(remote_call *c, const cvk_backend_device *dev, const char *why) {
  remote_call_end(c);
  return refuse(dev->o.inst, why);
}

/* ---- supports ---- */

static const char *intern_row(cvk_instance *inst, const char *row) {
  pthread_mutex_lock(&inst->lock);
  const char *name = remote_intern(&inst->rows, row);
  pthread_mutex_unlock(&inst->lock);
  return name;
}

static cvk_status read_candidates(cvk_instance *inst, remote_reader *r, cvk_candidate *const *candidates, int32_t *n) {
  const int32_t got = (int32_t)remote_get_int(r, 1, *n);
  for (int32_t i = 0; i < got && !r->failed; i++) {
    cvk_candidate c;
    remote_get_struct(r, &c, sizeof c);
    const char *row = remote_get_text(r);
    if (r->failed) break;
    c.row = intern_row(inst, row);
    if (c.row == NULL) return remote_fail(inst, CVK_NO_MEMORY, "remote: no memory for the name of a kernel row");
    remote_copy_struct(candidates[i], candidates[i]->struct_size, &c);
  }
  if (r->failed) return remote_damaged(inst);
  *n = got;
  return CVK_OK;
}

cvk_status remote_supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  cvk_instance *inst = dev->o.inst;
  remote_call c;
  remote_call_begin(&c, REMOTE_SUPPORTS);
  remote_put_int(&c.message, dev->o.id);
  remote_put_int(&c.message, *n);
  const char *why = put_op(&c.message, op);
  cvk_status status = why != NULL ? refuse(inst, why) : remote_call_ask(&c, inst, -1);
  if (status == CVK_OK) status = read_candidates(inst, &c.reply, candidates, n);
  remote_call_end(&c);
  return status;
}

/* ---- packs ---- */

cvk_status remote_pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  cvk_status status;
  remote_call c;
  begin_op(&c, REMOTE_PACK_CREATE, dev, candidate);
  remote_put_int(&c.message, input);
  const char *why = put_op(&c.message, op);
  if (why != NULL) return refuse_call(&c, dev, why);
  cvk_pack *pack = remote_create(&c, dev->o.inst, sizeof *pack, &status);
  if (status == CVK_OK) *out = pack;
  return status;
}

void remote_pack_free(cvk_pack *pack) {
  remote_release(&pack->o);
}

/* ---- kernels ---- */

cvk_status remote_prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  cvk_status status;
  remote_call c;
  remote_bytes room = {0};
  begin_op(&c, REMOTE_PREPARE, dev, candidate);
  const char *why = put_op(&c.message, op);
  if (why != NULL) return refuse_call(&c, dev, why);
  for (int32_t i = 0; i < op->n_in; i++) remote_put_int(&c.message, packs != NULL && packs[i] != NULL ? packs[i]->o.id : 0);
  remote_reserve(&room, sizeof(remote_header) + 8 * (2 + 3 * ((uint64_t)op->n_in + (uint64_t)op->n_out + 1)) + 8);
  c.message.failed |= room.failed;
  cvk_kernel *kernel = remote_create(&c, dev->o.inst, sizeof *kernel, &status);
  if (status != CVK_OK) {
    remote_free(&room);
    return status;
  }
  kernel->n_in = op->n_in;
  kernel->n_out = op->n_out;
  kernel->message = room;
  *out = kernel;
  return CVK_OK;
}

void remote_kernel_free(cvk_kernel *kernel) {
  remote_free(&kernel->message);
  remote_release(&kernel->o);
}

static void put_arg(remote_bytes *b, const cvk_arg *arg) {
  const cvk_buffer *buf = arg->buffer;
  remote_put_int(b, buf != NULL ? buf->o.id : 0);
  remote_put_int(b, (int64_t)arg->offset_bytes);
  remote_put_int(b, (int64_t)arg->bytes);
}

cvk_status remote_execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  cvk_instance *inst = kernel->o.inst;
  remote_bytes *b = &kernel->message;
  (void)wait, (void)n_wait; /* there are no events */
  if (queue == NULL) return remote_fail(inst, CVK_UNSUPPORTED, "remote: execute needs a queue, the host's memory is not the server's");
  remote_begin(b, REMOTE_EXECUTE, CVK_OK);
  remote_put_int(b, queue->o.id);
  remote_put_int(b, kernel->o.id);
  for (int32_t i = 0; i < kernel->n_in; i++) put_arg(b, &in[i]);
  for (int32_t i = 0; i < kernel->n_out; i++) put_arg(b, &out[i]);
  put_arg(b, workspace);
  if (event != NULL) *event = NULL;
  queue->pending = 1;
  return remote_post(inst, b);
}
