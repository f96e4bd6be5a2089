/* SPDX-License-Identifier: Apache-2.0 */
/* curves.h: the epochs of a training as a CSV table and as a drawing of its curves. Both files are written whole, by rename. */
#ifndef CVK_CURVES_H
#define CVK_CURVES_H

#include <convoke/convoke.h>

#include "npy.h"

/* Columns: epoch,loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,rate. */
int curves_csv(const char *path, const cvk_trainer *t, char error[TOOL_ERROR_BYTES]);
/* SVG: accuracies above, losses below, over the epochs. */
int curves_svg(const char *path, const char *title, const cvk_trainer *t, char error[TOOL_ERROR_BYTES]);

#endif
