/* SPDX-License-Identifier: Apache-2.0 */
/* process.h: which process this is, without a system call each time. What was opened by another process (before fork) must not be used. */
#ifndef CVK_PROCESS_H
#define CVK_PROCESS_H

#include <stdint.h>

/* The caller's process id, kept until fork() changes it. Any thread. */
int32_t cvk_process_id(void);

#endif
