/* SPDX-License-Identifier: Apache-2.0 */
/* layout.c: see conformance.h. One element after the other: what is wrong here would be wrong everywhere. */
#include <string.h>

#include "conformance.h"

typedef struct extents { int64_t n, c, inner; } extents; /* batch, channels, cells of a plane */

static extents extents_of(const cvk_tensor_desc *d) {
  extents e = {d->rank > 0 ? d->dim[0] : 1, d->rank > 1 ? d->dim[1] : 1, 1};
  for (int32_t i = 2; i < d->rank; i++) e.inner *= d->dim[i];
  return e;
}

/* Where element (n, c, i) lies in the tensor's format. */
static int64_t position(const cvk_tensor_desc *d, extents e, int64_t n, int64_t c, int64_t i) {
  const int64_t lanes = d->format.block;
  if (d->format.layout == CVK_NHWC) return (n * e.inner + i) * e.c + c;
  if (d->format.layout == CVK_BLOCKED) return ((n * ((e.c + lanes - 1) / lanes) + c / lanes) * e.inner + i) * lanes + c % lanes;
  return (n * e.c + c) * e.inner + i;
}

static void convert(const cvk_tensor_desc *d, const char *from, char *to, int to_plain) {
  const extents e = extents_of(d);
  const size_t size = (size_t)cvk_dtype_bytes(d->dtype);
  int64_t plain = 0;
  for (int64_t n = 0; n < e.n; n++) {
    for (int64_t c = 0; c < e.c; c++) {
      for (int64_t i = 0; i < e.inner; i++, plain++) {
        const int64_t other = position(d, e, n, c, i);
        memcpy(to + (size_t)(to_plain ? plain : other) * size, from + (size_t)(to_plain ? other : plain) * size, size);
      }
    }
  }
}

void layout_from_plain(const cvk_tensor_desc *d, const void *plain, void *to) {
  memset(to, 0, (size_t)cvk_desc_bytes(d));
  convert(d, plain, to, 0);
}

void layout_to_plain(const cvk_tensor_desc *d, const void *from, void *plain) { convert(d, from, plain, 1); }

int layout_lanes_are_zero(const cvk_tensor_desc *d, const void *data) {
  const extents e = extents_of(d);
  const size_t size = (size_t)cvk_dtype_bytes(d->dtype);
  if (d->format.layout != CVK_BLOCKED) return 1;
  const int64_t lanes = (e.c + d->format.block - 1) / d->format.block * d->format.block;
  for (int64_t n = 0; n < e.n; n++) {
    for (int64_t c = e.c; c < lanes; c++) {
      for (int64_t i = 0; i < e.inner; i++) {
        uint64_t bits = 0;
        memcpy(&bits, (const char *)data + (size_t)position(d, e, n, c, i) * size, size);
        if (bits << (65 - 8 * size) != 0) return 0; /* the sign of zero does not count */
      }
    }
  }
  return 1;
}
