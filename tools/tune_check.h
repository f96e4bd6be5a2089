/* SPDX-License-Identifier: Apache-2.0 */
/* tune_check.h: whether a kernel row gives right results on a device, before anything is kept of how fast it is: on selftest's cases of its op,
 * which are of odd shapes, and on a graph's own shapes. */
#ifndef CVK_TUNE_CHECK_H
#define CVK_TUNE_CHECK_H

#include "cli.h"

enum { TUNE_UNKNOWN, TUNE_RIGHT, TUNE_WRONG };

typedef struct tune_check tune_check;

tune_check *tune_check_begin(const cli_common *common, const char *device); /* NULL, told. Both outlive it. */
void tune_check_end(tune_check *c);
/* Runs the cases of op `kind` with the row forced. TUNE_RIGHT (also where no case offers the row), TUNE_WRONG with a clause in `why`, or
 * TUNE_UNKNOWN when the clock (timing_now_ns) passes end_ns before the last case. */
int tune_check_cases(tune_check *c, int32_t kind, const char *row, int64_t end_ns, char *why, size_t why_bytes);

/* A session of g that ran once with no op fused and kept every value; on another device it is the oracle of the graph's own shapes. *out, which
 * may be NULL, is the caller's even on failure. */
cvk_status tune_values(cvk_graph *g, const char *device, cvk_tensor *const *in, cvk_session **out);
/* Runs `g`, made in a context that forces `row`, and compares the first outputs of its ops, up to one that another row got wrong.
 * TUNE_UNKNOWN where memory did not suffice. */
int tune_check_here(cvk_session *oracle, cvk_graph *g, const char *device, cvk_tensor *const *in, const char *row, char *why, size_t why_bytes);

#endif
