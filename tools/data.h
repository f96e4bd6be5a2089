/* SPDX-License-Identifier: Apache-2.0 */
/* data.h: a folder of labelled images to train on, as host tensors. It holds one of
 *   train-images*, train-labels*, t10k-images*, t10k-labels*: IDX, plain or .gz (MNIST and what is kept like it);
 *   x_train.npy, y_train.npy, x_test.npy, y_test.npy: numbers u8 or f32 [N, ...] and labels u8, i32 or i64 [N] or [N,1];
 *   train/CLASS/PICTURE and test/CLASS/PICTURE (or val/...);
 *   CLASS/PICTURE: every tenth picture, of an order that the seed decides, is set apart to test with. */
#ifndef CVK_DATA_H
#define CVK_DATA_H

#include "npy.h"

typedef struct data_wish { /* of pictures: all are brought to one size, bilinearly. 0: as the first one is */
  int64_t height, width;
  int32_t channels; /* 1 or 3 */
  uint64_t seed;
} data_wish;

typedef struct data_set {
  cvk_tensor *train_x, *test_x; /* u8 or f32 [N, ...]; images that come as [N,H,W] are [N,1,H,W]; pictures u8 [N,C,H,W] */
  cvk_tensor *train_y, *test_y; /* i64 [N]: 0..classes-1, each of them at least once in train_y */
  int64_t classes;
  char **class_names; /* those of the folders, sorted; else the numbers */
} data_set;

/* 1: *out is to be freed with data_free. 0: error says why. */
int data_load(const char *path, const data_wish *wish, data_set *out, char error[TOOL_ERROR_BYTES]);
void data_free(data_set *d); /* all zero is allowed */

#endif
