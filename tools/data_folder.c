/* SPDX-License-Identifier: Apache-2.0 */
/* data_folder.c: see data_folder.h. All pictures are listed first, then read one by one into one tensor. */
#include "data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"

#define TEST_EVERY 10
#define MOST_SIDE 32768

/* ---- folders ---- */

int path_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int path_is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int is_picture(const char *path) { return image_has_suffix(path) && path_is_file(path); }

char *path_join(const char *folder, const char *name) {
  const size_t n = strlen(folder) + strlen(name) + 2;
  char *path = malloc(n);
  if (path) snprintf(path, n, "%s/%s", folder, name);
  return path;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int append(name_list *l, const char *name) {
  if ((l->n & (l->n - 1)) == 0) { /* a power of two: full */
    char **more = realloc(l->item, (size_t)(l->n ? 2 * l->n : 1) * sizeof *more);
    if (more == NULL) return 0;
    l->item = more;
  }
  l->item[l->n] = strdup(name);
  return l->item[l->n] != NULL && ++l->n;
}

int name_list_read(const char *folder, int (*keep)(const char *path), name_list *out, char error[TOOL_ERROR_BYTES]) {
  DIR *dir = opendir(folder);
  int ok = 1;
  *out = (name_list){0};
  if (dir == NULL) return data_fail(error, "%.300s: %s", folder, strerror(errno));
  for (const struct dirent *e = readdir(dir); ok && e; e = readdir(dir)) {
    if (e->d_name[0] == '.') continue;
    char *path = path_join(folder, e->d_name);
    ok = path != NULL && (!keep(path) || append(out, e->d_name));
    free(path);
  }
  closedir(dir);
  if (!ok) {
    name_list_free(out);
    return data_fail(error, "no memory for the names in %.300s", folder);
  }
  if (out->n) qsort(out->item, (size_t)out->n, sizeof *out->item, by_bytes);
  return 1;
}

void name_list_free(name_list *l) {
  for (int64_t i = 0; i < l->n; i++) free(l->item[i]);
  free(l->item);
  *l = (name_list){0};
}

/* ---- which pictures ---- */

typedef struct split {
  name_list path;
  int64_t *label; /* room for as many as path has */
} split;

static int split_add(split *s, const char *path, int64_t label) {
  if ((s->path.n & (s->path.n - 1)) == 0) {
    int64_t *more = realloc(s->label, (size_t)(s->path.n ? 2 * s->path.n : 1) * sizeof *more);
    if (more == NULL) return 0;
    s->label = more;
  }
  s->label[s->path.n] = label;
  return append(&s->path, path);
}

static void split_free(split *s) {
  name_list_free(&s->path);
  free(s->label);
}

/* An order that seed and class decide. */
static void shuffle(name_list *l, uint64_t seed, int64_t label) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  for (int64_t i = l->n - 1; i > 0; i--) {
    uint32_t r[4] = {(uint32_t)i, (uint32_t)((uint64_t)i >> 32), (uint32_t)label, 0x73706c74 /* "splt" */};
    cvk_philox(r, key, r);
    const int64_t j = (int64_t)(((uint64_t)r[1] << 32 | r[0]) % (uint64_t)(i + 1));
    char *kept = l->item[i];
    l->item[i] = l->item[j];
    l->item[j] = kept;
  }
}

/* The pictures of a class, to `train`; with `test`, every tenth of a shuffled order of all classes there. */
static int list_class(const char *folder, const char *name, int64_t label, const data_wish *wish, split *train, split *test, char *error) {
  name_list pictures = {0};
  char *path = path_join(folder, name);
  int ok = path ? name_list_read(path, is_picture, &pictures, error) : data_fail(error, "no memory for a path");
  if (ok && test) shuffle(&pictures, wish->seed, label);
  for (int64_t i = 0; ok && i < pictures.n; i++) {
    char *picture = path_join(path, pictures.item[i]);
    const int64_t number = train->path.n + (test ? test->path.n : 0);
    ok = picture && split_add(test && number % TEST_EVERY == TEST_EVERY - 1 ? test : train, picture, label);
    if (!ok) data_fail(error, "no memory for the names of %lld pictures", (long long)number);
    free(picture);
  }
  name_list_free(&pictures);
  free(path);
  return ok;
}

static int64_t index_of(const name_list *l, const char *name) {
  for (int64_t i = 0; i < l->n; i++) {
    if (strcmp(l->item[i], name) == 0) return i;
  }
  return -1;
}

/* The classes of `folder` must be among `classes`. */
static int list_test(const char *folder, const name_list *classes, const data_wish *wish, split *test, char *error) {
  name_list here;
  if (!name_list_read(folder, path_is_folder, &here, error)) return 0;
  int ok = 1;
  for (int64_t i = 0; ok && i < here.n; i++) {
    const int64_t label = index_of(classes, here.item[i]);
    ok = label >= 0 ? list_class(folder, here.item[i], label, wish, test, NULL, error)
                    : data_fail(error, "%.250s: '%.100s' is none of the %lld classes to train", folder, here.item[i], (long long)classes->n);
  }
  name_list_free(&here);
  return ok;
}

static int check_split(const char *folder, const name_list *classes, const split *train, const split *test, char *error) {
  for (int64_t c = 0, at = 0; c < classes->n; c++) {
    const int64_t before = at;
    while (at < train->path.n && train->label[at] == c) at++;
    if (at == before) return data_fail(error, "%.250s: class '%.100s' has no picture to train with", folder, classes->item[c]);
  }
  return test->path.n ? 1 : data_fail(error, "%.300s: no picture to test with beside %lld to train with", folder, (long long)train->path.n);
}

/* ---- reading ---- */

/* One channel of the output's size, bilinearly; a cell's number is its centre. */
static void resize_plane(const float *from, int64_t h, int64_t w, uint8_t *to, int64_t height, int64_t width) {
  for (int64_t y = 0; y < height; y++) {
    const double v = fmin(fmax(((double)y + 0.5) * (double)h / (double)height - 0.5, 0), (double)(h - 1));
    const int64_t top = (int64_t)v, bottom = top + 1 < h ? top + 1 : top;
    for (int64_t x = 0; x < width; x++) {
      const double u = fmin(fmax(((double)x + 0.5) * (double)w / (double)width - 0.5, 0), (double)(w - 1));
      const double fu = u - floor(u), fv = v - floor(v);
      const int64_t left = (int64_t)u, right = left + 1 < w ? left + 1 : left;
      const double above = (1 - fu) * (double)from[top * w + left] + fu * (double)from[top * w + right];
      const double below = (1 - fu) * (double)from[bottom * w + left] + fu * (double)from[bottom * w + right];
      to[y * width + x] = (uint8_t)(255 * ((1 - fv) * above + fv * below) + 0.5);
    }
  }
}

/* dim: [N,C,H,W]; C, H and W that are 0 become the picture's. */
static int read_picture(const char *path, int64_t index, int64_t dim[4], uint8_t **data, char *error) {
  cvk_tensor *t = NULL;
  if (!image_load(path, (int32_t)dim[1], &t, error)) return 0;
  const int64_t *has = cvk_tensor_dims(t);
  int ok = 1;
  if (*data == NULL) {
    for (int i = 1; i < 4; i++) dim[i] = dim[i] ? dim[i] : has[i];
    const int64_t all = cvk_count(4, dim);
    *data = all < 0 ? NULL : malloc((size_t)all);
    if (*data == NULL) {
      ok = data_fail(error, "no memory for %lld pictures of %lldx%lldx%lld", (long long)dim[0], (long long)dim[1], (long long)dim[2],
                     (long long)dim[3]);
    }
  }
  float *v = ok ? malloc(cvk_tensor_bytes(t)) : NULL;
  if (ok && (v == NULL || cvk_tensor_read(t, v, cvk_tensor_bytes(t)) != CVK_OK)) ok = data_fail(error, "%.300s: no memory", path);
  for (int64_t c = 0; ok && c < dim[1]; c++) {
    resize_plane(v + c * has[2] * has[3], has[2], has[3], *data + (index * dim[1] + c) * dim[2] * dim[3], dim[2], dim[3]);
  }
  free(v);
  cvk_tensor_release(t);
  return ok;
}

/* dim[1..3]: as read_picture's. */
static int read_split(const split *s, int64_t dim[4], cvk_tensor **x, cvk_tensor **y, char *error) {
  uint8_t *data = NULL;
  int ok = 1;
  dim[0] = s->path.n;
  for (int64_t i = 0; ok && i < s->path.n; i++) ok = read_picture(s->path.item[i], i, dim, &data, error);
  if (ok && cvk_tensor_wrap(CVK_U8, 4, dim, data, free, data, x) != CVK_OK) ok = data_fail(error, "%.300s", cvk_error_message());
  if (!ok) {
    free(data);
    return 0;
  }
  return cvk_tensor_create(NULL, CVK_I64, 1, dim, s->label, y) == CVK_OK ? 1 : data_fail(error, "%.300s", cvk_error_message());
}

/* ---- the whole ---- */

/* The folder to test with of one that has `train`. */
static const char *test_folder(const name_list *folders) {
  static const char *const names[] = {"test", "val"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (index_of(folders, names[i]) >= 0) return names[i];
  }
  return NULL;
}

static int list_all(const char *path, const name_list *folders, const data_wish *wish, name_list *classes, split *train, split *test, char *error) {
  const int parted = index_of(folders, "train") >= 0;
  const char *test_name = test_folder(folders);
  if (parted && test_name == NULL) return data_fail(error, "%.300s has a folder train, but neither test nor val", path);
  char *train_path = parted ? path_join(path, "train") : strdup(path), *test_path = parted ? path_join(path, test_name) : NULL;
  int ok = train_path && (test_path || !parted) ? name_list_read(train_path, path_is_folder, classes, error)
                                                : data_fail(error, "no memory for a path");
  if (ok && classes->n == 0) ok = data_fail(error, "%.300s: no folder of pictures, one is wanted for each class", train_path);
  for (int64_t c = 0; ok && c < classes->n; c++) ok = list_class(train_path, classes->item[c], c, wish, train, parted ? NULL : test, error);
  ok = ok && (!parted || list_test(test_path, classes, wish, test, error)) && check_split(path, classes, train, test, error);
  free(train_path);
  free(test_path);
  return ok;
}

int data_folder_load(const char *path, const name_list *folders, const data_wish *wish, data_set *out, char error[TOOL_ERROR_BYTES]) {
  name_list classes = {0};
  split train = {0}, test = {0};
  int64_t dim[4] = {0, wish->channels, wish->height, wish->width};
  if (wish->height < 0 || wish->width < 0 || wish->height > MOST_SIDE || wish->width > MOST_SIDE) {
    return data_fail(error, "pictures of %lld x %lld are wanted, a side must be 1 to %d", (long long)wish->height, (long long)wish->width, MOST_SIDE);
  }
  int ok = list_all(path, folders, wish, &classes, &train, &test, error) && read_split(&train, dim, &out->train_x, &out->train_y, error) &&
           read_split(&test, dim, &out->test_x, &out->test_y, error);
  if (ok) {
    out->classes = classes.n;
    out->class_names = classes.item;
    classes = (name_list){0};
  }
  name_list_free(&classes);
  split_free(&train);
  split_free(&test);
  return ok;
}
