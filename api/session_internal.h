/* SPDX-License-Identifier: Apache-2.0 */
/* session_internal.h: what eager.c needs of a session beyond its public functions. */
#ifndef CVK_SESSION_INTERNAL_H
#define CVK_SESSION_INTERNAL_H

#include <convoke/session.h>

/* New outputs are made on the session's device (eager ops) instead of in host memory. Before the first run. */
void cvk_session_outputs_on_device(cvk_session *s);
/* The session, and the graph it was made of, no longer count as holders of the device they run on and of its context: who calls this keeps
 * both alive until the session is released. Breaks the circle device -> eager cache -> session -> device. */
void cvk_session_borrow_device(cvk_session *s);

#endif
