/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/train.h: gradients of graphs, and training them. */
#ifndef CONVOKE_TRAIN_H
#define CONVOKE_TRAIN_H

#include <convoke/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Adds to g the ops that make the gradients of `loss` (one number, float32 or float64) in the n values `of`: inputs, constants or results.
 * gradients[i] is a new value of the shape and type of of[i], or CVK_NO_VALUE where the loss does not depend on it. All inputs must have
 * known shapes. The ops are ordinary ones, placed and fused as any (reverse-mode differentiation, Linnainmaa 1970); what their rules say of
 * equal maxima and of kinks is in docs/training.md. May be asked again, also of gradients. The graph must not have a session yet.
 * UNSUPPORTED: an op on the way has no gradient, the message names it; the graph then has ops that nothing reads. */
CVK_EXPORT cvk_status cvk_graph_gradients(cvk_graph *g, cvk_value loss, int32_t n, const cvk_value *of, cvk_value *gradients);

#ifdef __cplusplus
}
#endif
#endif
