/* SPDX-License-Identifier: Apache-2.0 */
/* tuned.h: how long kernel rows took on a device, measured once (convoke tune) and used by every later plan. Kept in memory with the open device
 * and as a text file in the cache folder, one for each device, driver, thread count and version of Convoke.
 *
 * A record is an op of a shape class: kind, types, attribute, and extents of which those above 8 are rounded up to the next of 12, 16, 24, 32, 48,
 * ... What was measured for a row is kept beside the row's own estimate: for another shape of the class the estimate is scaled. */
#ifndef CVK_TUNED_H
#define CVK_TUNED_H

#include <convoke/session.h>

#include "context_internal.h"

enum { CVK_TUNED_KEY = 1024 };

typedef struct cvk_tuned cvk_tuned;

/* Reads the device's file, if there is a folder and a file; a damaged one counts as none and gets a line in the log. NULL: no memory. */
cvk_tuned *cvk_tuned_open(cvk_context *ctx, const cvk_device_info *info);
void cvk_tuned_close(cvk_tuned *t); /* NULL: nothing */

int32_t cvk_tuned_empty(cvk_tuned *t); /* nothing is known of any op */
/* The op's shape class as text, from plain descs; n_in: its own inputs, without those of post-ops. 0: too long to be kept. */
int32_t cvk_tuned_key(const cvk_op *op, int32_t n_in, char key[CVK_TUNED_KEY]);
/* Where the class was measured: of the n candidates keeps those that were, gives them the measured times, leaves out rows whose results were
 * wrong. Returns how many are left; n where nothing is known of them. Any thread. */
int32_t cvk_tuned_apply(cvk_tuned *t, const char *key, int32_t n, cvk_candidate *list);
/* Replaces the class's record and writes the file. estimated_ns[i] belongs to rows[i]. IO_ERROR where the folder can't be written: the record
 * serves the open device all the same. */
cvk_status cvk_tuned_put(cvk_tuned *t, const char *key, int32_t n, const cvk_row_time *rows, const double *estimated_ns);

#endif
