/* SPDX-License-Identifier: Apache-2.0 */
/* skew_net.h: one small net for plugins of other minors: relu(conv(x, w, b) + z), of whole numbers, so that every order of its sums gives
 * the same bits. */
#ifndef CVK_TESTS_SKEW_NET_H
#define CVK_TESTS_SKEW_NET_H

#include <convoke/convoke.h>

/* Runs it on the device alone and on the reference; the results are equal, and each of the three ops ran on the device's row
 * conv_DEVICE, add_DEVICE, relu_DEVICE. */
void skew_net_check(cvk_context *ctx, const char *device);

#endif
