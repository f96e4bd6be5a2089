/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c: see machine.h. The loops are the best of a few tries, as whatever else runs can only slow them down. The multiply-adds are as
 * wide as the processor has them, whatever width the backend is capped to: the peak is the machine's. */
#include "machine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "timing.h"

enum { ACCUMULATORS = 12, FMA_ROUNDS = 1000000, TRIES = 5 }; /* twelve hide the latency of two units of four cycles and more */
#define READ_BYTES ((size_t)64 << 20)                        /* of each thread: more than its share of a last-level cache */

/* Defines fma_NAME: rounds of independent multiply-adds on vectors of TYPE; returns the operations. */
#define FMA_LOOP(NAME, TYPE, LANES, SET, FMA)                                                                 \
  static double fma_##NAME(void) {                                                                            \
    TYPE acc[ACCUMULATORS], x = SET(0.999f), y = SET(0.001f);                                                 \
    for (int k = 0; k < ACCUMULATORS; k++) acc[k] = SET((float)k);                                            \
    for (int r = 0; r < FMA_ROUNDS; r++) {                                                                    \
      _Pragma("GCC unroll 12") for (int k = 0; k < ACCUMULATORS; k++) acc[k] = FMA(acc[k], x, y);             \
    }                                                                                                         \
    for (int k = 0; k < ACCUMULATORS; k++) __asm__ volatile("" : : "m"(acc[k])); /* the results are wanted */ \
    return 2.0 * (LANES)*ACCUMULATORS * (double)FMA_ROUNDS;                                                   \
  }

#if !defined(__aarch64__) /* which always has NEON */
#define SCALAR_SET(V) (V)
#define SCALAR_FMA(A, X, Y) ((A) * (X) + (Y))
FMA_LOOP(scalar, float, 1, SCALAR_SET, SCALAR_FMA)
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#pragma GCC push_options
#pragma GCC target("avx2,fma")
FMA_LOOP(avx2, __m256, 8, _mm256_set1_ps, _mm256_fmadd_ps)
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
FMA_LOOP(avx512, __m512, 16, _mm512_set1_ps, _mm512_fmadd_ps)
#pragma GCC pop_options

static double fma_loop(void) {
  if (__builtin_cpu_supports("avx512f")) return fma_avx512();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? fma_avx2() : fma_scalar();
}
#elif defined(__aarch64__)
#include <arm_neon.h>
#define NEON_FMA(A, X, Y) vfmaq_f32(Y, A, X)
FMA_LOOP(neon, float32x4_t, 4, vdupq_n_f32, NEON_FMA)
static double fma_loop(void) {
  return fma_neon();
}
#else
static double fma_loop(void) {
  return fma_scalar();
}
#endif

typedef struct worker {
  pthread_t thread;
  void *(*loop)(void *);
  uint64_t *data;
  double rate; /* of the last loop: operations or bytes per ns */
} worker;

static void *fma_work(void *arg) {
  worker *w = arg;
  const int64_t start = timing_now_ns();
  const double operations = fma_loop();
  w->rate = operations / (double)(timing_now_ns() - start);
  return NULL;
}

static void *read_work(void *arg) {
  worker *w = arg;
  uint64_t sum[8] = {0};
  const int64_t start = timing_now_ns();
  for (size_t i = 0; i < READ_BYTES / sizeof *w->data; i += 8) {
    for (size_t k = 0; k < 8; k++) sum[k] ^= w->data[i + k];
  }
  for (int k = 0; k < 8; k++) __asm__ volatile("" : : "r"(sum[k]));
  w->rate = READ_BYTES / (double)(timing_now_ns() - start);
  return NULL;
}

/* Runs the loop on all threads at once; *best becomes the summed rate where that is higher. 0: a thread did not start. */
static int measure(worker *w, int32_t threads, void *(*loop)(void *), double *best) {
  int32_t started = 0;
  double sum = 0;
  while (started < threads && pthread_create(&w[started].thread, NULL, loop, &w[started]) == 0) started++;
  for (int32_t i = 0; i < started; i++) {
    pthread_join(w[i].thread, NULL);
    sum += w[i].rate;
  }
  if (sum > *best) *best = sum;
  return started == threads;
}

int machine_measure(int32_t threads, machine_rates *out) {
  worker *w = calloc((size_t)threads, sizeof *w);
  int ok = w != NULL;
  *out = (machine_rates){.threads = threads};
  for (int32_t i = 0; i < threads && ok; i++) {
    w[i].data = malloc(READ_BYTES);
    ok = w[i].data != NULL;
    if (ok) memset(w[i].data, 1, READ_BYTES);
  }
  for (int t = 0; t < TRIES && ok; t++) {
    ok = measure(w, threads, fma_work, &out->fma_gflops) && measure(w, threads, read_work, &out->read_gbytes_per_s);
  }
  for (int32_t i = 0; w && i < threads; i++) free(w[i].data);
  free(w);
  return ok;
}
