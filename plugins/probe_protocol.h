/* SPDX-License-Identifier: Apache-2.0 */
/* probe_protocol.h: how the library (probe_run.c) and the program convoke-probe (probe/) talk.
 *   convoke-probe SECONDS MODE PLUGIN [NAME=VALUE...]    the last: settings that the plugin may ask for
 * Its answer is one line on CVK_PROBE_FD: "RESULT STATUS OPENCL TEXT\n": CVK_PROBE_*, a cvk_status, 1 where libOpenCL was loaded with the plugin
 * (else 0), and what to tell. An answer without the newline is none. */
#ifndef CVK_PROBE_PROTOCOL_H
#define CVK_PROBE_PROTOCOL_H

#define CVK_PROBE_FD 3
#define CVK_PROBE_MODE_LOAD "load" /* a plugin with libOpenCL behind it is only loaded: its drivers are tried one by one first */
#define CVK_PROBE_MODE_RUN "run"
#define CVK_PROBE_TEXT 1200

enum {
  CVK_PROBE_GOOD = 0,      /* text: a remark, or empty */
  CVK_PROBE_FAILED = 1,    /* it says so itself, by a status: the host will hear the same */
  CVK_PROBE_NO_PLUGIN = 2, /* the loader refuses it; text is the verdict */
  CVK_PROBE_HARMFUL = 3,   /* it must not be opened */
};

#endif
