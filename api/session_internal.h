/* SPDX-License-Identifier: Apache-2.0 */
/* session_internal.h: the session itself, for session.c and report.c, and what eager.c needs beyond the public functions. */
#ifndef CVK_SESSION_INTERNAL_H
#define CVK_SESSION_INTERNAL_H

#include <convoke/session.h>
#include <pthread.h>

#include "plan.h"

#define MAX_PLANS 8 /* kept per session; the least recently used goes */

struct cvk_session {
  cvk_graph *graph;     /* retained */
  cvk_weights *weights; /* retained, shared with clones */
  cvk_session_options options;
  cvk_device *devices[CVK_PLAN_DEVICES]; /* retained; fallbacks are opened when first needed */
  int32_t device_outputs; /* new outputs are tensors of the device, not of the host */
  int32_t borrowed;       /* 1: devices[0] and the context are not held */
  pthread_mutex_t lock; /* one run at a time */
  int32_t n_plans;
  cvk_plan *plans[MAX_PLANS], *last;
  uint64_t clock;
  cvk_io_key *keys;        /* of the run in hand: inputs, then a flag an output */
  int32_t *output_on_device;
  cvk_tensor **outputs;
};

/* A session for eager ops on an open device: plans at the first run, makes new outputs as the device's tensors, and does not count as a
 * holder of the device and its context, nor does its graph: the caller keeps both alive until the session is released. This breaks the circle
 * device -> eager cache -> session -> device. */
cvk_status cvk_session_create_borrowing(cvk_graph *g, cvk_device *dev, cvk_session **out);

#endif
