/* SPDX-License-Identifier: Apache-2.0 */
/* session_internal.h: what eager.c needs of a session beyond its public functions. */
#ifndef CVK_SESSION_INTERNAL_H
#define CVK_SESSION_INTERNAL_H

#include <convoke/session.h>

/* A session for eager ops on an open device: plans at the first run, makes new outputs as the device's tensors, and does not count as a
 * holder of the device and its context, nor does its graph: the caller keeps both alive until the session is released. This breaks the circle
 * device -> eager cache -> session -> device. */
cvk_status cvk_session_create_borrowing(cvk_graph *g, cvk_device *dev, cvk_session **out);

#endif
