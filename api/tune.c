/* SPDX-License-Identifier: Apache-2.0 */
/* tune.c: a session is told how long the rows of one of its ops take (convoke/session.h). */
#include <string.h>

#include "context_internal.h"
#include "plan.h"
#include "session_internal.h"
#include "tuned.h"

static int32_t find_row(const cvk_plan_op *op, const char *row) {
  int32_t at = 0;
  while (at < op->n_options && strcmp(op->options[at].candidate.row, row) != 0) at++;
  return at < op->n_options ? at : -1;
}

/* The op as a plan shows it to the backend when it asks, constants marked as such even where their data is not in memory any more. */
static int32_t key_of(const cvk_plan *p, const cvk_plan_op *op, char key[CVK_TUNED_KEY]) {
  cvk_op_view view;
  cvk_op_view_fill(p, op, 0, NULL, &view);
  for (int32_t i = 0; i < op->n_in; i++) {
    if (op->in[i] >= 0) view.in_desc[i].const_data = p->values[op->in[i]].constant;
  }
  return cvk_tuned_key(&view.op, op->n_in, key);
}

cvk_status cvk_session_tune(cvk_session *s, int32_t index, int32_t n, const cvk_row_time *rows) {
  double estimated_ns[CVK_MAX_OPTIONS];
  char key[CVK_TUNED_KEY];
  if (s == NULL || rows == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: %s is NULL", s == NULL ? "the session" : "rows");
  if (!s->options.untuned) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: the session was made without untuned");
  const cvk_plan *p = s->last;
  if (p == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: the session has no plan before its first run");
  if (index < 0 || index >= p->n_steps) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: op %d is not in 0..%d", index, p->n_steps - 1);
  const cvk_plan_step *step = &p->steps[index];
  if (step->op < 0 || step->device != 0) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: op %d is not one of the graph's on device %s", index, p->devices[0]->info.id);
  const cvk_plan_op *op = &p->ops[step->op];
  if (n < 1 || n > op->n_options) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: %d rows for op %d, allowed 1 to %d", n, index, op->n_options);
  for (int32_t i = 0; i < n; i++) {
    const int32_t at = rows[i].row ? find_row(op, rows[i].row) : -1;
    if (at < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "session_tune: op %d was not offered a row '%s'", index, rows[i].row ? rows[i].row : "");
    estimated_ns[i] = op->options[at].candidate.estimated_ns;
  }
  if (p->devices[0]->tuned == NULL) return cvk_plan_no_memory();
  if (!key_of(p, op, key)) return cvk_fail(CVK_UNSUPPORTED, "session_tune: op %d has too many inputs for its times to be kept", index);
  return cvk_tuned_put(p->devices[0]->tuned, key, n, rows, estimated_ns);
}
