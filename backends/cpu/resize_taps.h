/* SPDX-License-Identifier: Apache-2.0 */
/* resize_taps.h: which cells of x an output cell of a resized axis is made of, and by which weights, for every mode. Cells at a border are
 * joined, weights of 0 left out, so a copied cell has one tap of weight 1. No tap: the source lies outside x. */
#ifndef CVK_CPU_RESIZE_TAPS_H
#define CVK_CPU_RESIZE_TAPS_H

#include "cpu.h"

enum { RESIZE_PITCH = 16 }; /* what pitch is a multiple of; entries past the last output have cell 0 and weight 0 */

/* Tap t of output o is entry t * pitch + o; entries from count[o] on have weight 0 and the cell of tap 0. */
typedef struct resize_taps {
  int64_t in, out, pitch, most;
  int32_t is_identity;
  int32_t *count, *cell;
  float *weight;
} resize_taps;

/* Taps an output of the axis can have. */
int64_t resize_most_taps(const cvk_resize_attr *a, int32_t axis, int64_t in);
/* The table of one axis, for in and out below 2^31; or CVK_NO_MEMORY. Ended by resize_taps_free, which takes one that is all zero too. */
cvk_status resize_taps_make(const cpu_device *device, const cvk_resize_attr *a, int32_t axis, int64_t in, int64_t out, resize_taps *t);
/* *inner becomes the table of two neighbouring axes taken as one; *outer is freed. After CVK_NO_MEMORY both are freed and all zero. */
cvk_status resize_taps_nest(const cpu_device *device, resize_taps *outer, resize_taps *inner);
void resize_taps_free(const cpu_device *device, resize_taps *t);
/* An axis that is not resized. */
int32_t resize_keeps(const cvk_resize_attr *a, int32_t axis, int64_t in);

#endif
