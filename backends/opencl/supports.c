/* SPDX-License-Identifier: Apache-2.0 */
/* supports.c: asks the rows of the op's families, cheapest estimate first, and logs the reason of each refusal (CVK_LOG_DISPATCH). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cl.h"

#define LAUNCH_NS 2000.0
#define GPU_LAUNCH_NS 6000.0 /* as measured on one */

const ocl_row *ocl_row_find(const char *name) {
  for (int32_t i = 0; name && ocl_lists[i]; i++)
    for (int32_t j = 0; j < ocl_lists[i]->n_rows; j++)
      if (strcmp(ocl_lists[i]->rows[j].name, name) == 0) return &ocl_lists[i]->rows[j];
  return NULL;
}

int32_t ocl_refuse(ocl_query *q, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(q->why, sizeof q->why, fmt, ap);
  va_end(ap);
  return 0;
}

double ocl_estimate(const cvk_backend_device *dev, double flops, double bytes, double efficiency) {
  const double compute = flops / (dev->peak_gflops * efficiency), traffic = bytes / dev->class->bytes_per_ns;
  return (dev->cpu_class ? LAUNCH_NS : GPU_LAUNCH_NS) + (compute > traffic ? compute : traffic);
}

double ocl_vectors(const cvk_backend_device *dev, double efficiency) {
  return dev->cpu_class ? efficiency : efficiency / 1000;
}

static cvk_format format_of(int32_t layout) {
  return (cvk_format){.layout = layout, .block = layout == CVK_BLOCKED ? OCL_BLOCK : 0};
}

void ocl_want_in(ocl_query *q, int32_t i, int32_t layout) {
  if (i < CVK_CANDIDATE_INPUTS) q->candidate->in[i] = format_of(layout);
}

void ocl_want_out(ocl_query *q, int32_t i, int32_t layout) {
  if (i < CVK_CANDIDATE_OUTPUTS) q->candidate->out[i] = format_of(layout);
}

int32_t ocl_is_blocked16(const cvk_format *f) {
  return f->layout == CVK_BLOCKED && f->block == OCL_BLOCK;
}

void ocl_want_pack(ocl_query *q, int32_t i, uint64_t number) {
  if (i < CVK_CANDIDATE_INPUTS && i < q->op->n_in && q->op->in[i] && q->op->in[i]->const_data) q->candidate->pack[i] = number;
}

static int32_t has_kind(const ocl_list *list, int32_t kind) {
  for (int32_t i = 0; i < list->n_kinds; i++)
    if (list->kinds[i] == kind) return 1;
  return 0;
}

/* Copies what the other side's struct has room for; its struct_size stays. */
static void give(cvk_candidate *to, const cvk_candidate *from) {
  const uint32_t size = to->struct_size;
  memcpy(to, from, size < sizeof *from ? size : sizeof *from);
  to->struct_size = size;
}

/* Puts c in its place among n candidates, after those that cost no more; the dearest goes when there is no room. Returns how many there
 * are. */
static int32_t insert(cvk_candidate *const *candidates, int32_t n, int32_t room, const cvk_candidate *c) {
  int32_t at = n < room ? n : room - 1;
  if (n == room && candidates[at]->estimated_ns <= c->estimated_ns) return n;
  for (; at > 0 && candidates[at - 1]->estimated_ns > c->estimated_ns; at--) give(candidates[at], candidates[at - 1]);
  give(candidates[at], c);
  return n < room ? n + 1 : n;
}

cvk_status ocl_supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const int32_t room = *n;
  int32_t found = 0;
  char last[256] = "no row knows this op kind";
  *n = 0;
  const cvk_status status = ocl_device_ready(dev);
  if (status != CVK_OK) return status;
  if (!cvk_op_types_known(op)) return ocl_fail(dev->host, CVK_UNSUPPORTED, "%s: op kind %d has an element type that is not known here", dev->label, (int)op->kind);
  for (int32_t i = 0; ocl_lists[i] && room > 0; i++) {
    if (!has_kind(ocl_lists[i], op->kind)) continue;
    for (int32_t j = 0; j < ocl_lists[i]->n_rows; j++) {
      const ocl_row *row = &ocl_lists[i]->rows[j];
      cvk_candidate c = {.struct_size = sizeof c, .row = row->name, .inplace = -1};
      ocl_query q = {.dev = dev, .row = row, .op = op, .candidate = &c};
      if (row->accepts(&q)) {
        found = insert(candidates, found, room, &c);
        continue;
      }
      memcpy(last, q.why, sizeof last);
      ocl_log(dev->host, CVK_LOG_DISPATCH, "opencl:%d op %d: %s refused: %s", (int)dev->index, (int)op->kind, row->name, q.why);
    }
  }
  *n = found;
  if (found) return CVK_OK;
  return ocl_fail(dev->host, CVK_UNSUPPORTED, "%s: op kind %d is not taken: %s", dev->label, (int)op->kind, last);
}
