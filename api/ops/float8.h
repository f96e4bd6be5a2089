/* SPDX-License-Identifier: Apache-2.0 */
/* float8.h: floats of 8 and 4 bits, one a byte, by the tables of ONNX's Cast. */
#ifndef CVK_FLOAT8_H
#define CVK_FLOAT8_H

#include <convoke/plugin.h>

int32_t cvk_is_float8(int32_t dtype); /* nonzero: CVK_F8E4M3FN .. CVK_F8E5M2FNUZ, CVK_F4E2M1, CVK_F8E8M0 */
/* Exact. Of CVK_F4E2M1 the low four bits count. */
double cvk_float8_to_double(int32_t dtype, uint8_t bits);
/* Rounds once, to nearest even (CVK_F8E8M0: as `rounding` says, CVK_ROUND_UP ..., by magnitude). Beyond the largest finite number,
 * infinities included: the largest where overflow is 0, else the type's infinity, or NaN where it has none. CVK_F4E2M1 always takes the
 * largest, and 0 for NaN, of which it has none. */
uint8_t cvk_double_to_float8(int32_t dtype, double v, int32_t overflow, int32_t rounding);

#endif
