/* SPDX-License-Identifier: Apache-2.0 */
/* image.h: .png (libpng), .jpg (libjpeg-turbo) and binary .ppm/.pgm pictures as host tensors f32 [1, channels, height, width] in 0..1. */
#ifndef CVK_IMAGE_H
#define CVK_IMAGE_H

#include "npy.h"

/* channels: 1 (grey) or 3 (RGB): the picture is converted; 0: whichever of them it has. 1: *out is a new tensor. 0: error says why. */
int image_load(const char *path, int32_t channels, cvk_tensor **out, char error[TOOL_ERROR_BYTES]);
int image_has_suffix(const char *path); /* .png .jpg .jpeg .ppm .pgm */

#endif
