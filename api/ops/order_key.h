/* SPDX-License-Identifier: Apache-2.0 */
/* order_key.h: elements of any type as unsigned numbers in the same order, which TOP_K and UNIQUE sort by. */
#ifndef CVK_ORDER_KEY_H
#define CVK_ORDER_KEY_H

#include <stdint.h>

/* n elements, `stride` apart, from element `first` on. Equal elements have equal keys (so have 0 and -0, and all NaNs); NaN is above all.
 */
void cvk_order_keys(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, uint64_t *key);

#endif
