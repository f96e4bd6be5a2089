/* SPDX-License-Identifier: Apache-2.0 */
/* data.c: see data.h. Finds which kind of folder it is; reads arrays and checks that images and labels fit. */
#include "data.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_folder.h"
#include "idx.h"

/* Files of a split, by the beginnings of their names. */
typedef struct array_names { int (*load)(const char *, cvk_tensor **, char *); const char *train_x, *train_y, *test_x, *test_y; } array_names;

static const array_names kinds[] = {
    {idx_load, "train-images", "train-labels", "t10k-images", "t10k-labels"},
    {npy_load, "x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"},
};

int data_fail(char error[TOOL_ERROR_BYTES], const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(error, TOOL_ERROR_BYTES, fmt, args);
  va_end(args);
  return 0;
}

static const char *find(const name_list *files, const char *beginning) {
  for (int64_t i = 0; i < files->n; i++) {
    if (strncmp(files->item[i], beginning, strlen(beginning)) == 0) return files->item[i];
  }
  return NULL;
}

/* ---- arrays ---- */

static int load_array(const char *folder, const array_names *kind, const char *name, cvk_tensor **out, char *error) {
  char *path = path_join(folder, name);
  const int ok = path ? kind->load(path, out, error) : data_fail(error, "no memory for a path");
  free(path);
  return ok;
}

static int library_fail(const char *name, char *error) { return data_fail(error, "%.200s: %.200s", name, cvk_error_message()); }

/* [N,H,W] to [N,1,H,W]. */
static int take_images(const char *name, cvk_tensor **x, char *error) {
  const int64_t *dim = cvk_tensor_dims(*x);
  const int32_t rank = cvk_tensor_rank(*x), dtype = cvk_tensor_dtype(*x);
  cvk_tensor *view = NULL;
  const int64_t n = cvk_tensor_count(*x);
  if (rank < 2 || n == 0) return data_fail(error, "%.200s: no images [N, ...]: its rank is %d and it has %lld numbers", name, rank, (long long)n);
  if (dtype != CVK_U8 && dtype != CVK_F32) return data_fail(error, "%.200s: images must be uint8 or float32, these are of another type", name);
  if (rank != 3) return 1;
  if (cvk_tensor_view(*x, 4, (int64_t[]){dim[0], 1, dim[1], dim[2]}, &view) != CVK_OK) return library_fail(name, error);
  cvk_tensor_release(*x);
  *x = view;
  return 1;
}

static int64_t number_at(int32_t dtype, const void *data, int64_t i) {
  switch (dtype) {
    case CVK_U8: return ((const uint8_t *)data)[i];
    case CVK_I32: return ((const int32_t *)data)[i];
    default: return ((const int64_t *)data)[i];
  }
}

/* [N] or [N,1] of whole numbers to i64 [N]. */
static int take_labels(const char *name, cvk_tensor **y, char *error) {
  const int32_t dtype = cvk_tensor_dtype(*y), rank = cvk_tensor_rank(*y);
  const int64_t n = cvk_tensor_count(*y);
  cvk_tensor *labels = NULL;
  if (dtype != CVK_U8 && dtype != CVK_I32 && dtype != CVK_I64) {
    return data_fail(error, "%.200s: labels must be uint8, int32 or int64, these are of another type", name);
  }
  if (rank < 1 || cvk_tensor_dims(*y)[0] != n) {
    return data_fail(error, "%.200s: labels must be [N] or [N,1], these have rank %d and %lld numbers", name, rank, (long long)n);
  }
  int64_t *wide = malloc((size_t)n * sizeof *wide + 1);
  void *data = malloc(cvk_tensor_bytes(*y) + 1);
  int ok = wide && data;
  if (!ok) data_fail(error, "no memory for %lld labels", (long long)n);
  if (ok && cvk_tensor_read(*y, data, cvk_tensor_bytes(*y)) != CVK_OK) ok = library_fail(name, error);
  for (int64_t i = 0; ok && i < n; i++) wide[i] = number_at(dtype, data, i);
  if (ok && cvk_tensor_create(NULL, CVK_I64, 1, &n, wide, &labels) != CVK_OK) ok = library_fail(name, error);
  free(wide);
  free(data);
  if (!ok) return 0;
  cvk_tensor_release(*y);
  *y = labels;
  return 1;
}

static int load_split(const char *folder, const array_names *kind, const char *x_name, const char *y_name, cvk_tensor **x, cvk_tensor **y,
                      char *error) {
  if (!load_array(folder, kind, x_name, x, error) || !take_images(x_name, x, error)) return 0;
  if (!load_array(folder, kind, y_name, y, error) || !take_labels(y_name, y, error)) return 0;
  const int64_t n = cvk_tensor_dims(*x)[0], labels = cvk_tensor_count(*y);
  return n == labels ? 1 : data_fail(error, "%.150s has %lld images, %.150s has %lld labels", x_name, (long long)n, y_name, (long long)labels);
}

/* ---- classes ---- */

static int64_t *labels_of(const cvk_tensor *y) {
  int64_t *label = malloc(cvk_tensor_bytes(y) + 1);
  if (label && cvk_tensor_read(y, label, cvk_tensor_bytes(y)) == CVK_OK) return label;
  free(label);
  return NULL;
}

static int check_range(const char *name, const int64_t *label, int64_t n, int64_t most, char *error) {
  for (int64_t i = 0; i < n; i++) {
    if (label[i] < 0 || label[i] > most) {
      return data_fail(error, "%.200s: label %lld of sample %lld, the training labels are 0..%lld", name, (long long)label[i], (long long)i,
                       (long long)most);
    }
  }
  return 1;
}

/* Classes are the labels from 0 to the largest in training, where each must have a sample. */
static int count_classes(const char *name, const int64_t *label, int64_t n, int64_t *classes, char *error) {
  int64_t most = 0;
  for (int64_t i = 0; i < n; i++) most = label[i] > most ? label[i] : most;
  if (!check_range(name, label, n, most, error)) return 0;
  if (most >= n) return data_fail(error, "%.200s: %lld samples can't have the labels 0..%lld each", name, (long long)n, (long long)most);
  char *seen = calloc((size_t)most + 1, 1);
  if (seen == NULL) return data_fail(error, "no memory for %lld classes", (long long)most + 1);
  for (int64_t i = 0; i < n; i++) seen[label[i]] = 1;
  const char *missing = memchr(seen, 0, (size_t)most + 1);
  const int64_t at = missing ? missing - seen : 0;
  free(seen);
  if (missing) return data_fail(error, "%.200s: class %lld of 0..%lld has no sample", name, (long long)at, (long long)most);
  *classes = most + 1;
  return 1;
}

static int name_classes(data_set *d, char *error) {
  d->class_names = calloc((size_t)d->classes, sizeof *d->class_names);
  for (int64_t i = 0; d->class_names && i < d->classes; i++) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)i);
    if ((d->class_names[i] = strdup(text)) == NULL) break;
  }
  if (d->class_names && d->class_names[d->classes - 1]) return 1;
  return data_fail(error, "no memory for the names of %lld classes", (long long)d->classes);
}

static int check_classes(const char *train_name, const char *test_name, data_set *d, char *error) {
  int64_t *train = labels_of(d->train_y), *test = labels_of(d->test_y);
  const int ok = train && test ? count_classes(train_name, train, cvk_tensor_count(d->train_y), &d->classes, error) &&
                                     check_range(test_name, test, cvk_tensor_count(d->test_y), d->classes - 1, error)
                               : data_fail(error, "no memory for the labels");
  free(train);
  free(test);
  return ok && name_classes(d, error);
}

/* "1x28x28" */
static void shape_text(const cvk_tensor *x, char text[200]) {
  const int64_t *dim = cvk_tensor_dims(x);
  size_t n = 0;
  for (int32_t i = 1; i < cvk_tensor_rank(x); i++) n += (size_t)snprintf(text + n, 200 - n, "%s%lld", i > 1 ? "x" : "", (long long)dim[i]);
}

/* A sample to train with and one to test with are alike. */
static int check_alike(const char *train_name, const char *test_name, const data_set *d, char *error) {
  char train[200], test[200];
  if (cvk_tensor_dtype(d->train_x) != cvk_tensor_dtype(d->test_x)) {
    return data_fail(error, "%.150s and %.150s are of different types", train_name, test_name);
  }
  shape_text(d->train_x, train);
  shape_text(d->test_x, test);
  return strcmp(train, test) == 0 ? 1 : data_fail(error, "a sample of %.100s is %s, one of %.100s is %s", train_name, train, test_name, test);
}

static int load_arrays(const char *path, const array_names *kind, const name_list *files, data_set *d, char *error) {
  const char *const wanted[4] = {kind->train_x, kind->train_y, kind->test_x, kind->test_y};
  const char *name[4];
  for (int i = 0; i < 4; i++) {
    name[i] = find(files, wanted[i]);
    if (name[i] == NULL) return data_fail(error, "%.200s has %.150s, but no %s", path, find(files, kind->train_x), wanted[i]);
  }
  return load_split(path, kind, name[0], name[1], &d->train_x, &d->train_y, error) &&
         load_split(path, kind, name[2], name[3], &d->test_x, &d->test_y, error) &&
         check_alike(name[0], name[2], d, error) && check_classes(name[1], name[3], d, error);
}

/* ---- any folder ---- */

int data_load(const char *path, const data_wish *wish, data_set *out, char error[TOOL_ERROR_BYTES]) {
  name_list files = {0}, folders = {0};
  const array_names *kind = NULL;
  *out = (data_set){0};
  int ok = name_list_read(path, path_is_file, &files, error) && name_list_read(path, path_is_folder, &folders, error);
  for (size_t i = 0; ok && kind == NULL && i < sizeof kinds / sizeof *kinds; i++) {
    if (find(&files, kinds[i].train_x)) kind = &kinds[i];
  }
  if (ok && kind) ok = load_arrays(path, kind, &files, out, error);
  else if (ok && folders.n) ok = data_folder_load(path, &folders, wish, out, error);
  else if (ok) ok = data_fail(error, "%.300s: no data set: neither train-images*, nor x_train.npy, nor a folder of pictures for each class", path);
  name_list_free(&files);
  name_list_free(&folders);
  if (!ok) data_free(out);
  return ok;
}

void data_free(data_set *d) {
  cvk_tensor_release(d->train_x);
  cvk_tensor_release(d->train_y);
  cvk_tensor_release(d->test_x);
  cvk_tensor_release(d->test_y);
  for (int64_t i = 0; d->class_names && i < d->classes; i++) free(d->class_names[i]);
  free(d->class_names);
  *d = (data_set){0};
}
