/* SPDX-License-Identifier: Apache-2.0 */
/* status.h: how a failure gets its sentence. cvk_fail keeps it for this thread (cvk_error_message) and returns the status. */
#ifndef CVK_STATUS_H
#define CVK_STATUS_H

#include <convoke/plugin.h>

#if defined(__GNUC__)
#define CVK_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CVK_PRINTF(f, a)
#endif

/* One clear sentence: op or function, argument, value, allowed range. Cut at 2 KiB. */
cvk_status cvk_fail(cvk_status status, const char *fmt, ...) CVK_PRINTF(2, 3);
/* Puts "CONTEXT: " before the message of the failure in hand (a node name, a file); returns status. */
cvk_status cvk_fail_within(cvk_status status, const char *fmt, ...) CVK_PRINTF(2, 3);
void cvk_error_clear(void);

/* "[1,3,224,224]" into buf; returns buf. For messages. */
#define CVK_DIMS_TEXT 200
const char *cvk_dims_text(int32_t rank, const int64_t *dim, char buf[CVK_DIMS_TEXT]);
const char *cvk_dtype_name(int32_t dtype); /* "float32"; "type 99" never: unknown is "?" */

#endif
