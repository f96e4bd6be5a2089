/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.c: learning rates; see cvk_schedule. */
#include <math.h>

#include "train_internal.h"

int32_t cvk_trainer_needs_total(const cvk_trainer_options *o) {
  return o->warmup > 0 || (o->schedule == CVK_SCHEDULE_STEP ? o->decay_steps == 0 : o->schedule != CVK_SCHEDULE_CONSTANT);
}

float cvk_trainer_rate(const cvk_trainer_options *o, int64_t total_steps, int64_t step) {
  const int32_t cycle = o->schedule == CVK_SCHEDULE_ONE_CYCLE;
  const double rate = (double)o->learning_rate, total = (double)total_steps, s = (double)step;
  const double first = cycle ? 1.0 / 25 : 0, last = cycle ? 1e-3 : 0; /* shares of the rate */
  const double warm = total * (o->warmup > 0 ? (double)o->warmup : cycle ? 0.25 : 0);
  if (s < warm) return (float)(rate * (first + (1 - first) * (s + (cycle ? 0 : 1)) / (warm + (cycle ? 0 : 1))));
  if (o->schedule == CVK_SCHEDULE_CONSTANT) return (float)rate;
  if (o->schedule == CVK_SCHEDULE_STEP) {
    const int64_t every = o->decay_steps > 0 ? o->decay_steps : (int64_t)fmax(1, ceil(total / 3));
    return (float)(rate * pow((double)o->decay_factor, (double)(step / every)));
  }
  const double at = total > warm ? fmin(1, (s - warm) / (total - warm)) : 1;
  return (float)(rate * (last + (1 - last) * 0.5 * (1 + cos(3.14159265358979323846 * at))));
}
