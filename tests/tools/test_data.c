/* SPDX-License-Identifier: Apache-2.0 */
/* test_data.c: folders of labelled images, made here: IDX, .npy, pictures of classes; what they become and the sentence of each fault. */
#define _GNU_SOURCE
#include <ftw.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
/* after stdio.h */
#include <jpeglib.h>

#include "../../tools/data.h"
#include "harness.h"

static char root[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f) {
  (void)st, (void)type, (void)f;
  return remove(path);
}
static void close_root(void) {
  nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_root(void) {
  strcpy(root, "/tmp/cvk-data-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(root));
}

/* The path of a file below root, whose folders are made. */
static const char *below(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", root, name);
  for (char *slash = strchr(path + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
  return path;
}

static void write_bytes(const char *name, const void *data, size_t n) {
  FILE *f = fopen(below(name), "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(data, 1, n, f), n);
  fclose(f);
}

/* data NULL: bytes 0, 1, 2 ...; .gz by its name. */
static void write_idx(const char *name, int rank, const int64_t *dim, const unsigned char *data) {
  const char *mode = strstr(name, ".gz") ? "wb" : "wbT"; /* T: plain */
  gzFile f = gzopen(below(name), mode);
  unsigned char head[4] = {0, 0, 8, (unsigned char)rank};
  gzwrite(f, head, 4);
  for (int i = 0; i < rank; i++) gzwrite(f, (unsigned char[]){0, 0, (unsigned char)(dim[i] >> 8), (unsigned char)dim[i]}, 4);
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) gzwrite(f, data ? &data[i] : &(unsigned char){(unsigned char)i}, 1);
  gzclose(f);
}

static void write_npy(const char *name, int32_t dtype, int32_t rank, const int64_t *dim, const void *data) {
  cvk_tensor *t = NULL;
  char error[TOOL_ERROR_BYTES];
  ck_ok(cvk_tensor_create(NULL, dtype, rank, dim, data, &t));
  ck_assert_msg(npy_save(below(name), t, error), "%s", error);
  cvk_tensor_release(t);
}

/* A picture of one colour: .png, .jpg, .ppm or .pgm; `pixel` is grey or RGB. */
static void write_picture(const char *name, int width, int height, int channels, const unsigned char *pixel) {
  const size_t n = (size_t)(width * height * channels);
  unsigned char *data = malloc(n);
  for (size_t i = 0; i < n; i++) data[i] = pixel[i % (size_t)channels];
  if (strstr(name, ".png")) {
    png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height};
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    ck_assert(png_image_write_to_file(&image, below(name), 0, data, 0, NULL));
  } else if (strstr(name, ".jpg")) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(below(name), "wb");
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < height; y++) jpeg_write_scanlines(&c, &(JSAMPROW){data + (size_t)(y * width * channels)}, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    fclose(f);
  } else {
    FILE *f = fopen(below(name), "wb");
    fprintf(f, "P%d\n%d %d\n255\n", channels == 1 ? 5 : 6, width, height);
    fwrite(data, 1, n, f);
    fclose(f);
  }
  free(data);
}

static void grey(const char *name, unsigned char level) {
  write_picture(name, 4, 4, 1, &level);
}

static void load_as(const data_wish *wish, data_set *d) {
  char error[TOOL_ERROR_BYTES] = "";
  ck_assert_msg(data_load(root, wish, d, error), "%s", error);
}

static void load(data_set *d) {
  load_as(&(data_wish){0}, d);
}

static void fails_with(const char *const *says) {
  data_set d;
  char error[TOOL_ERROR_BYTES] = "";
  ck_assert_int_eq(data_load(root, &(data_wish){0}, &d, error), 0);
  for (; *says; says++) ck_assert_msg(strstr(error, *says) != NULL, "no '%s' in: %s", *says, error);
  ck_assert(d.train_x == NULL && d.train_y == NULL && d.test_x == NULL && d.test_y == NULL && d.class_names == NULL);
}
#define FAILS(...) fails_with((const char *const[]){__VA_ARGS__, NULL})

static void check_shape(const cvk_tensor *t, int32_t dtype, int32_t rank, const int64_t *dim) {
  ck_assert_int_eq(cvk_tensor_dtype(t), dtype);
  ck_assert_int_eq(cvk_tensor_rank(t), rank);
  ck_assert_mem_eq(cvk_tensor_dims(t), dim, (size_t)rank * sizeof *dim);
}

static void check_labels(const cvk_tensor *t, int64_t n, const int64_t *want) {
  int64_t got[64];
  check_shape(t, CVK_I64, 1, &n);
  ck_ok(cvk_tensor_read(t, got, (uint64_t)n * 8));
  ck_assert_mem_eq(got, want, (size_t)n * 8);
}

static void check_names(const data_set *d, int64_t n, const char *const *names) {
  ck_assert_int_eq(d->classes, n);
  for (int64_t i = 0; i < n; i++) ck_assert_str_eq(d->class_names[i], names[i]);
}

/* ---- IDX ---- */

#define D(...) ((const int64_t[]){__VA_ARGS__})
#define B(...) ((const unsigned char[]){__VA_ARGS__})

static void write_mnist(void) {
  write_idx("train-images-idx3-ubyte.gz", 3, D(5, 3, 4), NULL);
  write_idx("train-labels-idx1-ubyte.gz", 1, D(5), B(2, 0, 1, 2, 0));
  write_idx("t10k-images-idx3-ubyte", 3, D(2, 3, 4), NULL);
  write_idx("t10k-labels-idx1-ubyte", 1, D(2), B(1, 2));
}

START_TEST(idx_files) {
  data_set d;
  unsigned char x[60];
  write_mnist();
  load(&d);
  check_shape(d.train_x, CVK_U8, 4, D(5, 1, 3, 4));
  check_shape(d.test_x, CVK_U8, 4, D(2, 1, 3, 4));
  check_labels(d.train_y, 5, D(2, 0, 1, 2, 0));
  check_labels(d.test_y, 2, D(1, 2));
  ck_ok(cvk_tensor_read(d.train_x, x, 60));
  for (int i = 0; i < 60; i++) ck_assert_int_eq(x[i], i);
  check_names(&d, 3, (const char *const[]){"0", "1", "2"});
  data_free(&d);
  data_free(&d); /* all zero by now */
}
END_TEST

START_TEST(idx_files_with_faults) {
  write_mnist();
  write_idx("train-labels-idx1-ubyte.gz", 1, D(4), B(2, 0, 1, 2));
  FAILS("train-images-idx3-ubyte.gz has 5 images", "train-labels-idx1-ubyte.gz has 4 labels");
  write_idx("train-labels-idx1-ubyte.gz", 1, D(5), B(3, 0, 1, 3, 0));
  FAILS("train-labels", "class 2 of 0..3 has no sample");
  write_idx("train-labels-idx1-ubyte.gz", 1, D(5), B(9, 0, 1, 3, 0));
  FAILS("train-labels", "5 samples can't have the labels 0..9");
  write_mnist();
  write_idx("t10k-labels-idx1-ubyte", 1, D(2), B(1, 3));
  FAILS("t10k-labels-idx1-ubyte: label 3 of sample 1", "0..2");
  write_mnist();
  write_idx("t10k-images-idx3-ubyte", 3, D(2, 4, 3), NULL);
  FAILS("train-images", "1x3x4", "t10k-images", "1x4x3");
  write_bytes("t10k-images-idx3-ubyte", B(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 7), 17);
  FAILS("t10k-images-idx3-ubyte: cut short");
  write_mnist();
  write_idx("t10k-images-idx3-ubyte", 3, D(0, 3, 4), NULL);
  FAILS("t10k-images", "no images");
  unlink(below("t10k-images-idx3-ubyte"));
  FAILS("has train-images-idx3-ubyte.gz, but no t10k-images");
}
END_TEST

/* ---- .npy ---- */

static void write_arrays(void) {
  float x[4 * 3 * 2 * 2];
  for (int i = 0; i < 48; i++) x[i] = (float)i / 7;
  write_npy("x_train.npy", CVK_F32, 4, D(4, 3, 2, 2), x);
  write_npy("y_train.npy", CVK_I64, 2, D(4, 1), D(1, 0, 1, 0));
  write_npy("x_test.npy", CVK_F32, 4, D(1, 3, 2, 2), x);
  write_npy("y_test.npy", CVK_I32, 1, D(1), (const int32_t[]){1});
}

START_TEST(npy_files) {
  data_set d;
  float x[48];
  write_arrays();
  load(&d);
  check_shape(d.train_x, CVK_F32, 4, D(4, 3, 2, 2));
  check_shape(d.test_x, CVK_F32, 4, D(1, 3, 2, 2));
  check_labels(d.train_y, 4, D(1, 0, 1, 0));
  check_labels(d.test_y, 1, D(1));
  ck_ok(cvk_tensor_read(d.train_x, x, sizeof x));
  ck_assert(x[47] == 47.0f / 7);
  check_names(&d, 2, (const char *const[]){"0", "1"});
  data_free(&d);
  write_npy("x_train.npy", CVK_F32, 2, D(4, 6), NULL); /* rows of numbers stay so */
  write_npy("x_test.npy", CVK_F32, 2, D(1, 6), NULL);
  load(&d);
  check_shape(d.train_x, CVK_F32, 2, D(4, 6));
  data_free(&d);
}
END_TEST

START_TEST(npy_files_with_faults) {
  write_arrays();
  write_npy("y_train.npy", CVK_I64, 1, D(4), D(0, 1, -1, 0));
  FAILS("y_train.npy: label -1 of sample 2");
  write_npy("y_train.npy", CVK_I64, 1, D(4), D(0, 1, (int64_t)1 << 60, 0));
  FAILS("y_train.npy", "4 samples", "1152921504606846976");
  write_npy("y_train.npy", CVK_F32, 1, D(4), NULL);
  FAILS("y_train.npy: labels must be uint8, int32 or int64");
  write_npy("y_train.npy", CVK_I64, 2, D(4, 2), NULL);
  FAILS("y_train.npy", "rank 2 and 8 numbers");
  write_arrays();
  write_npy("x_train.npy", CVK_F64, 2, D(4, 6), NULL);
  FAILS("x_train.npy: images must be uint8 or float32");
  write_npy("x_train.npy", CVK_U8, 4, D(4, 3, 2, 2), NULL);
  FAILS("x_train.npy and x_test.npy are of different types");
  write_npy("x_train.npy", CVK_F32, 1, D(4), NULL);
  FAILS("x_train.npy", "its rank is 1");
}
END_TEST

/* ---- pictures ---- */

START_TEST(pictures_of_two_parts) {
  data_set d;
  unsigned char x[3 * 12];
  grey("train/cat/b.png", 20);
  grey("train/cat/a.pgm", 10);
  grey("train/ant/z.jpg", 30);
  write_bytes("train/ant/notes.txt", "x", 1);
  grey("train/ant/.hidden.png", 99);
  write_picture("test/cat/c.ppm", 4, 4, 3, B(40, 40, 40)); /* becomes grey, as the first one is */
  load(&d);
  check_names(&d, 2, (const char *const[]){"ant", "cat"});
  check_shape(d.train_x, CVK_U8, 4, D(3, 1, 4, 4));
  check_shape(d.test_x, CVK_U8, 4, D(1, 1, 4, 4));
  check_labels(d.train_y, 3, D(0, 1, 1));
  check_labels(d.test_y, 1, D(1));
  unsigned char grey_x[48];
  ck_ok(cvk_tensor_read(d.train_x, grey_x, 48));
  for (int i = 0; i < 48; i++) ck_assert_int_eq(grey_x[i], i < 16 ? 30 : i < 32 ? 10 : 20);
  ck_ok(cvk_tensor_read(d.test_x, grey_x, 16));
  for (int i = 0; i < 16; i++) ck_assert_int_eq(grey_x[i], 40);
  data_free(&d);
  load_as(&(data_wish){.height = 3, .width = 4, .channels = 3}, &d);
  check_shape(d.train_x, CVK_U8, 4, D(3, 3, 3, 4));
  ck_ok(cvk_tensor_read(d.test_x, x, 36));
  for (int i = 0; i < 36; i++) ck_assert_int_eq(x[i], 40);
  data_free(&d);
}
END_TEST

/* Colours stay apart; another size is brought to the first one's, between its cells. */
START_TEST(pictures_of_another_size) {
  data_set d;
  unsigned char x[3 * 2 * 4];
  write_picture("train/a/a.png", 4, 2, 3, B(10, 20, 30));
  write_picture("val/a/wide.png", 9, 7, 3, B(1, 2, 3));
  write_bytes("val/a/x.ppm", "P6\n2 1\n255\n\x00\x50\xff\x64\x50\x05", 17); /* columns 0 and 100 in red */
  load(&d);
  check_shape(d.train_x, CVK_U8, 4, D(1, 3, 2, 4));
  check_shape(d.test_x, CVK_U8, 4, D(2, 3, 2, 4));
  ck_ok(cvk_tensor_read(d.train_x, x, sizeof x));
  for (int i = 0; i < 24; i++) ck_assert_int_eq(x[i], i / 8 * 10 + 10);
  unsigned char two[48];
  ck_ok(cvk_tensor_read(d.test_x, two, sizeof two));
  for (int i = 0; i < 24; i++) ck_assert_int_eq(two[i], i / 8 + 1);
  ck_assert_mem_eq(two + 24, B(0, 25, 75, 100, 0, 25, 75, 100), 8); /* at -1/4, 1/4, 3/4 and 5/4 */
  for (int i = 0; i < 8; i++) ck_assert_int_eq(two[32 + i], 0x50);
  data_free(&d);
}
END_TEST

START_TEST(pictures_with_faults) {
  grey("train/a/1.png", 1);
  FAILS("has a folder train, but neither test nor val");
  grey("test/b/1.png", 1);
  FAILS("'b' is none of the 1 classes");
  grey("train/b/1.png", 1);
  write_bytes("train/c/not.txt", "x", 1);
  FAILS("class 'c' has no picture to train with");
  grey("train/c/1.png", 1);
  write_bytes("train/c/2.png", "\x89PNG\r\n\x1a\nxx", 10);
  FAILS("/train/c/2.png: ");
  grey("train/c/2.png", 1);
  unlink(below("test/b/1.png"));
  FAILS("no picture to test with beside 4 to train with");
}
END_TEST

static int64_t mask_of(const cvk_tensor *x, int64_t n) {
  unsigned char v[40 * 16];
  int64_t mask = 0;
  ck_assert_int_eq(cvk_tensor_dims(x)[0], n);
  ck_ok(cvk_tensor_read(x, v, (uint64_t)n * 16));
  for (int64_t i = 0; i < n; i++) mask |= (int64_t)1 << v[i * 16];
  return mask;
}

START_TEST(every_tenth_is_set_apart) {
  data_set d;
  int64_t test[3], label[4];
  for (int i = 0; i < 40; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s/%d.png", i < 15 ? "one" : "two", i);
    grey(name, (unsigned char)i);
  }
  for (int k = 0; k < 3; k++) {
    load_as(&(data_wish){.seed = k == 1 ? 77 : 5}, &d);
    check_names(&d, 2, (const char *const[]){"one", "two"});
    test[k] = mask_of(d.test_x, 4);
    ck_assert_int_eq(test[k] ^ mask_of(d.train_x, 36), ((int64_t)1 << 40) - 1); /* each once */
    ck_assert_int_eq(__builtin_popcountll((unsigned long long)test[k]), 4);
    ck_ok(cvk_tensor_read(d.test_y, label, sizeof label));
    for (int i = 0; i < 4; i++) ck_assert_int_eq(label[i], i > 0); /* the 10th of 15; the 20th, 30th, 40th */
    data_free(&d);
  }
  ck_assert_int_eq(test[0], test[2]);
  ck_assert_int_ne(test[0], test[1]);
  for (int i = 9; i < 40; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s/%d.png", i < 15 ? "one" : "two", i);
    if (i != 15) unlink(below(name));
  }
  FAILS("class 'two' has no picture to train with"); /* 9 of one, and the tenth is its only one */
}
END_TEST

/* ---- neither ---- */

START_TEST(no_data_at_all) {
  char error[TOOL_ERROR_BYTES];
  data_set d;
  FAILS(root, "no data set");
  ck_assert_int_eq(data_load("/no/such/folder", &(data_wish){0}, &d, error), 0);
  ck_assert_ptr_nonnull(strstr(error, "/no/such/folder: No such file"));
  below("train/x");
  mkdir(below("test"), 0700);
  FAILS("/train: no folder of pictures");
  mkdir(below("train/a"), 0700);
  ck_assert_int_eq(data_load(root, &(data_wish){.height = -4}, &d, error), 0);
  ck_assert_ptr_nonnull(strstr(error, "-4 x 0"));
  ck_assert_int_eq(data_load(root, &(data_wish){.width = 40000}, &d, error), 0);
  ck_assert_ptr_nonnull(strstr(error, "0 x 40000"));
}
END_TEST

Suite *test_suite(void) {
  const TTest *const tests[] = {idx_files,
                                idx_files_with_faults,
                                npy_files,
                                npy_files_with_faults,
                                pictures_of_two_parts,
                                pictures_of_another_size,
                                pictures_with_faults,
                                every_tenth_is_set_apart,
                                no_data_at_all};
  Suite *s = suite_create("data");
  TCase *c = tcase_create("data");
  tcase_add_checked_fixture(c, open_root, close_root);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
  suite_add_tcase(s, c);
  return s;
}
