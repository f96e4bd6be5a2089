/* SPDX-License-Identifier: Apache-2.0 */
/* element.h: reading and writing elements of any type through two wide types, double (real numbers) and int64_t (integers, bit for bit:
 * a uint64 beyond INT64_MAX comes as its two's complement). Runs of n elements, `stride` elements apart, starting at element `first`;
 * pointers need the element's alignment only. Every reference implementation goes through these. */
#ifndef CVK_ELEMENT_H
#define CVK_ELEMENT_H

#include <convoke/plugin.h>

enum { CVK_CLASS_NONE = 0, CVK_CLASS_REAL = 1, CVK_CLASS_SIGNED = 2, CVK_CLASS_UNSIGNED = 3, CVK_CLASS_BOOL = 4 };

#define CVK_RUN 128 /* elements that the references convert at a time, on the stack */

int32_t cvk_dtype_class(int32_t dtype); /* CVK_CLASS_NONE: unknown type */

/* Exact, but for 64-bit integers beyond 2^53, which round. Bool: 0 or 1. */
void cvk_load_reals(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, double *out);
/* Floats: to nearest even (of 8 and 4 bits: saturated; CVK_F8E8M0: up). Integers: C's truncation, saturated at the type's ends, NaN 0; of 4 and
 * 2 bits: C's truncation, the low bits kept, 0 where not finite. Bool: v != 0 (NaN is true). */
void cvk_store_reals(int32_t dtype, void *base, int64_t first, int64_t stride, int64_t n, const double *v);
/* Integers and bool; floats are truncated and saturated as by cvk_store_reals. */
void cvk_load_ints(int32_t dtype, const void *base, int64_t first, int64_t stride, int64_t n, int64_t *out);
/* Integers keep the low bits of v (two's complement). Bool: v != 0. Floats: to nearest even. */
void cvk_store_ints(int32_t dtype, void *base, int64_t first, int64_t stride, int64_t n, const int64_t *v);

/* One element, for code that is not worth a run. */
double cvk_load_real(int32_t dtype, const void *base, int64_t i);
void cvk_store_real(int32_t dtype, void *base, int64_t i, double v);

/* IEEE half and bfloat16 to and from double; narrowing rounds once, to nearest even, and keeps NaN a NaN. */
double cvk_half_to_double(uint16_t bits);
uint16_t cvk_double_to_half(double v);
double cvk_bfloat16_to_double(uint16_t bits);
uint16_t cvk_double_to_bfloat16(double v);

#endif
