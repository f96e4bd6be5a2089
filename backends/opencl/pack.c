/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c: constant inputs in device memory in a row's own arrangement, made on the host, once. */
#include "cl.h"

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
  void *data = host->alloc(host->ctx, bytes ? bytes : 1, 64);
  cvk_pack *pack = host->alloc(host->ctx, sizeof *pack, sizeof(void *));
  if (!data || !pack) {
    status = ocl_fail(host, CVK_NO_MEMORY, "%s: no host memory to pack %llu bytes of weights", dev->label, (unsigned long long)bytes);
    goto done;
  }
  row->pack_fill(&b, input, data);
  *pack = (cvk_pack){.dev = dev, .bytes = bytes};
  status = ocl_mem_create(dev, CL_MEM_READ_WRITE, bytes, bytes ? data : NULL, &pack->mem);
  if (status == CVK_OK) {
    *out = pack;
    pack = NULL;
  }
done:
  if (pack) host->free(host->ctx, pack);
  if (data) host->free(host->ctx, data);
  return status;
}

void ocl_pack_free(cvk_pack *pack) {
  if (!pack) return;
  const cvk_host *host = pack->dev->host;
  ocl_mem_release(pack->dev, pack->mem, pack->bytes);
  host->free(host->ctx, pack);
}
