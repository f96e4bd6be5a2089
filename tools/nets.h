/* SPDX-License-Identifier: Apache-2.0 */
/* nets.h: networks that `convoke train` begins with, as graphs with new weights: input "image" f32 [N, C, H, W], pixels in 0..1, normalised inside; output
 * "probability" [N, classes]. */
#ifndef CVK_NETS_H
#define CVK_NETS_H

#include <convoke/convoke.h>

#define NETS_MAX_CHANNELS 4

typedef struct net_wish {
  int64_t channels, height, width, classes; /* of an image */
  float mean[NETS_MAX_CHANNELS], deviation[NETS_MAX_CHANNELS]; /* of the pixels of a channel */
  uint64_t seed;
} net_wish;

/* How a net is trained best, as far as we know. */
typedef struct net_recipe {
  int32_t optimizer, schedule;
  float learning_rate, weight_decay, label_smoothing;
  int64_t epochs, epochs_augmented, batch;
  int64_t least; /* height and width of an image */
  float rotate_degrees, translate, zoom, shear_degrees; /* augmentation, as in cvk_dataset_options */
} net_recipe;

/* "lenet5|cnn" */
extern const char net_names[];
/* 0: there is no net of this name. */
int net_find(const char *name, net_recipe *recipe);
/* The net as a new graph. Images too small for its pools are INVALID_SHAPE. */
cvk_status net_build(cvk_context *ctx, const char *name, const net_wish *wish, cvk_graph **out);

#endif
