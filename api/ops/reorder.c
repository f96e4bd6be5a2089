/* SPDX-License-Identifier: Apache-2.0 */
/* reorder.c: REORDER between plain, NHWC and blocked formats of any block, elements of any size. Moves one (image, channel) row of cells at
 * a time; the lanes past the last channel of a blocked result become zero. Private layouts belong to their backend. */
#include <string.h>

#include "ops_internal.h"
#include "strided.h"

/* Where the cells of channel c of image n lie: from `offset`, `stride` elements apart. */
typedef struct cells {
  int64_t offset, stride;
} cells;

static cells locate(const cvk_format *f, int64_t n, int64_t c, int64_t channels, int64_t count) {
  if (f->layout == CVK_NHWC) return (cells){n * count * channels + c, channels};
  if (f->layout == CVK_BLOCKED) {
    const int64_t blocks = (channels + f->block - 1) / f->block;
    return (cells){(n * blocks + c / f->block) * count * f->block + c % f->block, f->block};
  }
  return (cells){(n * channels + c) * count, 1};
}

static cvk_status check_format(const cvk_tensor_desc *d, const char *what) {
  const cvk_format *f = &d->format;
  if (f->layout != CVK_PLAIN && f->layout != CVK_NHWC && f->layout != CVK_BLOCKED)
    return cvk_fail(CVK_UNSUPPORTED, "reorder: %s has layout %d, allowed plain (0), NHWC (1), blocked (2)", what, f->layout);
  if (f->layout == CVK_BLOCKED && (f->block < 1 || d->rank < 2))
    return cvk_fail(CVK_INVALID_ARGUMENT, "reorder: %s is blocked with block %d and rank %d, allowed block >= 1 and rank >= 2", what,
                    f->block, d->rank);
  return CVK_OK;
}

cvk_status cvk_ref_reorder(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int64_t images = x->rank > 0 ? x->dim[0] : 1, channels = x->rank > 1 ? x->dim[1] : 1;
  const int64_t count = x->rank > 2 ? cvk_count(x->rank - 2, x->dim + 2) : 1;
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  cvk_status s = check_format(x, "input");
  if (s == CVK_OK) s = check_format(y, "output");
  if (s != CVK_OK || out[0] == NULL) return s;
  const uint64_t size = cvk_desc_bytes(y);
  if (size == UINT64_MAX) return cvk_fail(CVK_SIZE_OVERFLOW, "reorder: the output has more than 2^63-1 bytes");
  if (size == 0) return CVK_OK;
  if (y->format.layout == CVK_BLOCKED && channels % y->format.block != 0) memset(out[0], 0, (size_t)size);
  for (int64_t n = 0; n < images; n++)
    for (int64_t c = 0; c < channels; c++) {
      const cells from = locate(&x->format, n, c, channels, count), to = locate(&y->format, n, c, channels, count);
      cvk_copy_run(bytes, count, out[0], to.offset, to.stride, in[0], from.offset, from.stride);
    }
  return CVK_OK;
}
