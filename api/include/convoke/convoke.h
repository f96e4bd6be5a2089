/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/convoke.h: the whole public API. Include this one file and link libconvoke. */
#ifndef CONVOKE_H
#define CONVOKE_H

#include <convoke/context.h>
#include <convoke/dataset.h>
#include <convoke/device.h>
#include <convoke/graph.h>
#include <convoke/model.h>
#include <convoke/ops.h>
#include <convoke/session.h>
#include <convoke/tensor.h>
#include <convoke/train.h>

#endif
