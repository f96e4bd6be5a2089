/* SPDX-License-Identifier: Apache-2.0 */
/* pool_combine.h: how a window's cells become one, over vec.h. */
#ifndef CVK_CPU_POOL_COMBINE_H
#define CVK_CPU_POOL_COMBINE_H

#include "pool.h"
#include "vec.h"

VI vf pool_combine(vf acc, vf x, int is_max) {
  return is_max ? v_max(acc, x) : v_add(acc, x);
}

#endif
