/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c: constant inputs in device memory in a row's own arrangement, made on the host, once. */
#include "cl.h"

/* Made in place where the buffer is the host's too, else by way of host memory. */
static cvk_status make(const ocl_build *b, int32_t input, uint64_t bytes, cvk_buffer **out) {
  const cvk_host *host = b->dev->host;
  cvk_status status = ocl_buffer_alloc(b->dev, bytes, out);
  if (status != CVK_OK || bytes == 0) return status;
  if ((*out)->shared) {
    b->row->pack_fill(b, input, (*out)->shared);
    return CVK_OK;
  }
  ocl_buffer_free(*out);
  *out = NULL;
  void *data = host->alloc(host->ctx, bytes, 64);
  if (!data)
    return ocl_fail(host, CVK_NO_MEMORY, "%s: no host memory to pack %llu bytes of weights", b->dev->label, (unsigned long long)bytes);
  b->row->pack_fill(b, input, data);
  status = ocl_buffer_of(b->dev, bytes, data, out);
  host->free(host->ctx, data);
  return status;
}

cvk_status ocl_pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out) {
  const cvk_host *host = dev->host;
  cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  const ocl_row *row = ocl_row_find(c->row);
  if (!row || !row->pack_fill || input < 0 || input >= op->n_in || !op->in[input] || !op->in[input]->const_data)
    return ocl_fail(host, CVK_INVALID_ARGUMENT, "%s: pack_create of input %d, which is no packed constant of row %s", dev->label,
                    (int)input, c->row ? c->row : "(null)");
  const ocl_build b = {.dev = dev, .row = row, .op = op, .candidate = c};
  const uint64_t bytes = row->pack_bytes(&b, input);
  if (bytes > SIZE_MAX / 2)
    return ocl_fail(host, CVK_SIZE_OVERFLOW, "%s: input %d of row %s overflows when packed", dev->label, (int)input, row->name);
  cvk_pack *pack = host->alloc(host->ctx, sizeof *pack, sizeof(void *));
  if (!pack) return ocl_fail(host, CVK_NO_MEMORY, "%s: no host memory for a pack's handle", dev->label);
  *pack = (cvk_pack){.dev = dev};
  status = make(&b, input, bytes, &pack->buffer);
  if (status == CVK_OK)
    *out = pack;
  else
    ocl_pack_free(pack);
  return status;
}

void ocl_pack_free(cvk_pack *pack) {
  if (!pack) return;
  const cvk_host *host = pack->dev->host;
  ocl_buffer_free(pack->buffer);
  host->free(host->ctx, pack);
}
