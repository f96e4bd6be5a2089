/* SPDX-License-Identifier: Apache-2.0 */
/* fp_mode.h: the floating-point control word (rounding, exception masks, flush to zero) of the calling thread, without its sticky flags. */
#ifndef CVK_FP_MODE_H
#define CVK_FP_MODE_H

#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#define CVK_FP_FLAGS 0x3fu /* exceptions seen so far: not part of the mode */
static inline uint64_t cvk_fp_mode_get(void) {
  return _mm_getcsr() & ~CVK_FP_FLAGS;
}
static inline void cvk_fp_mode_set(uint64_t mode) {
  _mm_setcsr((uint32_t)mode | (_mm_getcsr() & CVK_FP_FLAGS));
}
#elif defined(__aarch64__)
static inline uint64_t cvk_fp_mode_get(void) {
  uint64_t mode;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static inline void cvk_fp_mode_set(uint64_t mode) {
  __asm__ __volatile__("msr fpcr, %0" : : "r"(mode));
}
#else
static inline uint64_t cvk_fp_mode_get(void) {
  return 0;
}
static inline void cvk_fp_mode_set(uint64_t mode) {
  (void)mode;
}
#endif

#endif
