/* SPDX-License-Identifier: Apache-2.0 */
/* difference.h: comparing two tensors of one shape, whatever their element type. */
#ifndef CVK_DIFFERENCE_H
#define CVK_DIFFERENCE_H

#include <convoke/convoke.h>

typedef struct difference {
  int64_t at;          /* flat index of the worst element, -1: none differs */
  double got, want;    /* there */
  double most;         /* max |got - want|; infinity where one is NaN and the other is not */
  double largest;      /* max |want| over finite elements */
  int64_t outside;     /* elements with |got - want| > atol + rtol |want| */
  char why[256];       /* shapes or types differ: a sentence; else empty */
} difference;

/* NaN equals NaN, infinities equal themselves. 1: could be compared (d->why empty). */
int difference_of(const cvk_tensor *got, const cvk_tensor *want, double rtol, double atol, difference *d);

/* Element i of data of any type. */
double difference_value(int32_t dtype, const void *data, int64_t i);

#endif
