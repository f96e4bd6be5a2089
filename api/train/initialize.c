/* SPDX-License-Identifier: Apache-2.0 */
/* initialize.c: new weights, from a counter-based generator: element i of a stream is the same whatever else was drawn. */
#include <math.h>

#include "train_internal.h"

/* Even in 0 .. 1, never 0. */
static double even(uint32_t word) {
  return ((double)word + 0.5) / 4294967296.0;
}

cvk_status cvk_tensor_initialize(cvk_tensor *t, int32_t initializer, int64_t fan_in, uint64_t seed, int64_t stream) {
  if (t == NULL || cvk_tensor_host(t) == NULL || t->desc.dtype != CVK_F32)
    return cvk_fail(CVK_INVALID_ARGUMENT, "tensor_initialize: the tensor is %s",
                    t == NULL                  ? "NULL"
                    : t->desc.dtype != CVK_F32 ? "not float32"
                                               : "not in host memory");
  if (initializer < CVK_INIT_HE_NORMAL || initializer > CVK_INIT_LECUN_UNIFORM || fan_in < 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "tensor_initialize: initializer %d with fan_in %lld, allowed 0 to %d with 1 or more", initializer,
                    (long long)fan_in, CVK_INIT_LECUN_UNIFORM);
  const double n = (double)fan_in, limit = initializer == CVK_INIT_HE_UNIFORM ? sqrt(6 / n) : sqrt(1 / n), deviation = sqrt(2 / n);
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  float *w = cvk_tensor_host(t);
  for (int64_t i = 0; i < cvk_tensor_count(t); i++) {
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)stream, (uint32_t)((uint64_t)stream >> 32)};
    uint32_t word[4];
    cvk_philox(counter, key, word);
    if (initializer == CVK_INIT_HE_NORMAL) /* Box and Muller 1958 */
      w[i] = (float)(deviation * sqrt(-2 * log(even(word[0]))) * cos(6.283185307179586 * even(word[1])));
    else
      w[i] = (float)(limit * (2 * even(word[0]) - 1));
  }
  atomic_fetch_add(&t->storage->writes, 1);
  return CVK_OK;
}
