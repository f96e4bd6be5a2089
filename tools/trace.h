/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h: the last run of a profiling session as a trace that Chrome and Perfetto open. */
#ifndef CVK_TRACE_H
#define CVK_TRACE_H

#include "cli.h"

int trace_write(cvk_session *s, const char *path); /* CLI_OK, or the exit status, told */

#endif
