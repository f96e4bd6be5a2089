/* SPDX-License-Identifier: Apache-2.0 */
/* test_batches.c: the batches of an epoch: their order, what is in them whatever the threads, failures, and an end at any time. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

enum { H = 9, W = 11, CELLS = 2 * H * W };

static cvk_context *context(void) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.no_env = 1}, &ctx));
  return ctx;
}

/* n samples u8 [2,H,W], sample i labelled i. */
static cvk_dataset *pictures(int64_t n, const cvk_dataset_options *options) {
  cvk_context *ctx = context();
  cvk_dataset *ds = NULL;
  cvk_tensor *x = NULL, *target = NULL;
  unsigned char *data = malloc((size_t)n * CELLS);
  int32_t *label = malloc((size_t)n * sizeof *label);
  for (int64_t i = 0; i < n * CELLS; i++) data[i] = (unsigned char)(i * 37 + i / CELLS * 11);
  for (int64_t i = 0; i < n; i++) label[i] = (int32_t)i;
  ck_ok(cvk_tensor_create(NULL, CVK_U8, 4, (int64_t[]){n, 2, H, W}, data, &x));
  ck_ok(cvk_tensor_create(NULL, CVK_I32, 1, &n, label, &target));
  ck_ok(cvk_dataset_create(ctx, x, target, options, &ds));
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_context_release(ctx);
  free(data);
  free(label);
  return ds;
}

/* An epoch: labels in their order, and the pictures by label. */
static void epoch(cvk_dataset *ds, const cvk_batches_options *options, int64_t *label, float *picture) {
  const int64_t n = cvk_dataset_count(ds);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  int64_t at = 0;
  float *data = malloc((size_t)options->batch * CELLS * sizeof *data);
  ck_ok(cvk_dataset_batches(ds, options, &b));
  for (;;) {
    ck_ok(cvk_batches_next(b, &x, &target));
    if (x == NULL) break;
    const int64_t left = n - at, size = left < options->batch ? left : options->batch;
    ck_assert_int_eq(cvk_tensor_rank(x), 4);
    ck_assert_int_eq(cvk_tensor_dims(x)[0], size);
    ck_assert_int_eq(cvk_tensor_rank(target), 1);
    ck_assert_int_eq(cvk_tensor_dims(target)[0], size);
    ck_ok(cvk_tensor_read(target, label + at, (uint64_t)size * sizeof *label));
    ck_ok(cvk_tensor_read(x, data, (uint64_t)size * CELLS * sizeof *data));
    for (int64_t i = 0; i < size; i++) {
      ck_assert(label[at + i] >= 0 && label[at + i] < n);
      memcpy(picture + label[at + i] * CELLS, data + i * CELLS, CELLS * sizeof *data);
    }
    at += size;
  }
  ck_assert_ptr_null(target);
  ck_assert_int_eq(at, n);
  ck_ok(cvk_batches_next(b, &x, &target)); /* the end stays the end */
  ck_assert(x == NULL && target == NULL);
  cvk_batches_release(b);
  free(data);
}

START_TEST(by_number_and_scaled) {
  static const cvk_dataset_options scales[] = {{.threads = 1}, {.scale = 0.5f, .offset = -3, .threads = 2}};
  enum { N = 10 };
  int64_t label[N];
  float got[N * CELLS];
  for (int k = 0; k < 2; k++) {
    cvk_dataset *ds = pictures(N, &scales[k]);
    for (int64_t batch = 1; batch <= 12; batch++) {
      memset(got, 0, sizeof got);
      epoch(ds, &(cvk_batches_options){.batch = batch, .augment = 1}, label, got); /* no augmentation was asked for */
      for (int i = 0; i < N; i++) ck_assert_int_eq(label[i], i);
      for (int i = 0; i < N * CELLS; i++) {
        const float v = (unsigned char)(i * 37 + i / CELLS * 11);
        ck_assert(got[i] == (k ? v * 0.5f - 3 : v * (1.0f / 255.0f)));
      }
    }
    cvk_dataset_release(ds);
  }
}
END_TEST

/* The orders from another program. */
START_TEST(the_order_of_known_seeds) {
  static const struct {
    uint64_t seed;
    int64_t epoch, order[12];
  } known[] = {
      {7, 0, {2, 4, 10, 8, 3, 5, 9, 6, 7, 0, 11, 1}},
      {7, 1, {9, 7, 11, 10, 6, 3, 1, 5, 0, 8, 4, 2}},
      {7 + ((uint64_t)5 << 32), 0, {1, 3, 0, 10, 5, 11, 7, 6, 8, 4, 9, 2}},
  };
  int64_t label[12];
  float got[12 * CELLS];
  cvk_dataset *ds = pictures(12, NULL);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    epoch(ds, &(cvk_batches_options){.shuffle = 1, .seed = known[i].seed, .epoch = known[i].epoch, .batch = 5}, label, got);
    ck_assert_mem_eq(label, known[i].order, sizeof label);
  }
  cvk_dataset_release(ds);
}
END_TEST

/* Each sample comes to each place about equally often: of 3000 epochs 500, with a standard deviation of 20. */
START_TEST(orders_are_even) {
  int64_t label[6];
  float got[6 * CELLS];
  int times[6][6] = {{0}};
  cvk_dataset *ds = pictures(6, &(cvk_dataset_options){.threads = 1});
  for (int64_t e = 0; e < 3000; e++) {
    epoch(ds, &(cvk_batches_options){.shuffle = 1, .seed = 99, .epoch = e, .batch = 6}, label, got);
    for (int i = 0; i < 6; i++) times[i][label[i]]++;
  }
  for (int i = 0; i < 36; i++)
    ck_assert_msg(abs(times[i / 6][i % 6] - 500) < 100, "sample %d at place %d: %d times", i % 6, i / 6, times[i / 6][i % 6]);
  cvk_dataset_release(ds);
}
END_TEST

/* A sample's picture is the same whatever threads, batch and order, and whatever epoch was made before. */
START_TEST(threads_batch_and_order_change_no_bit) {
  enum { N = 50 };
  static float want[N * CELLS], got[N * CELLS];
  int64_t order[N], label[N];
  cvk_dataset_options o = {
      .rotate_degrees = 15, .translate = 0.1f, .zoom = 0.2f, .shear_degrees = 5, .flip = 1, .fill = 0.25f, .threads = 1};
  cvk_batches_options epoch_3 = {.shuffle = 1, .augment = 1, .seed = 5, .epoch = 3, .batch = 7};
  cvk_dataset *ds = pictures(N, &o);
  epoch(ds, &epoch_3, order, want);
  for (int threads = 1; threads <= 9; threads += 4) {
    cvk_dataset *other = pictures(N, (o.threads = threads, &o));
    epoch(other, &(cvk_batches_options){.augment = 1, .seed = 5, .epoch = 2, .batch = 3}, label, got);
    ck_assert_mem_ne(got, want, sizeof got);
    for (int64_t batch = 1; batch < 64; batch += 9) {
      cvk_batches_options again = epoch_3;
      again.batch = batch;
      epoch(other, &again, label, got);
      ck_assert_mem_eq(label, order, sizeof label);
      ck_assert_mem_eq(got, want, sizeof got);
      again.shuffle = 0;
      epoch(other, &again, label, got);
      ck_assert_mem_eq(got, want, sizeof got);
    }
    cvk_dataset_release(other);
  }
  cvk_dataset_release(ds);
}
END_TEST

/* ---- a source that counts, fails and waits ---- */

typedef struct source {
  _Atomic int64_t reads;
  int64_t fails[2]; /* samples; -1: none */
  int64_t silent;   /* fails without a sentence */
  useconds_t wait;
  _Atomic int open_signals; /* threads had some that were not blocked */
} source;

static cvk_status source_read(void *arg, int64_t index, void *x, void *target) {
  source *s = arg;
  sigset_t mask;
  char text[64];
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGPROF)) atomic_store(&s->open_signals, 1);
  atomic_fetch_add(&s->reads, 1);
  if (s->wait) usleep(s->wait);
  if (index == s->silent) return CVK_TIMEOUT;
  snprintf(text, sizeof text, "sector %lld is gone", (long long)index * 8);
  if (index == s->fails[0] || index == s->fails[1]) return cvk_dataset_read_failed(CVK_IO_ERROR, text);
  for (int i = 0; i < 3; i++) ((float *)x)[i] = (float)(index * 10 + i);
  for (int i = 0; i < 2; i++) ((float *)target)[i] = (float)(-index - i);
  return CVK_OK;
}

static cvk_dataset *reading(source *s, int64_t n, int32_t threads) {
  cvk_context *ctx = context();
  cvk_dataset *ds = NULL;
  ck_ok(cvk_dataset_create_from(ctx, n, &(cvk_tensor_desc){.dtype = CVK_F32, .rank = 1, .dim = {3}},
                                &(cvk_tensor_desc){.dtype = CVK_F32, .rank = 1, .dim = {2}}, source_read, NULL, s,
                                &(cvk_dataset_options){.threads = threads}, &ds));
  cvk_context_release(ctx);
  return ds;
}

START_TEST(samples_from_anywhere) {
  source s = {.fails = {-1, -1}, .silent = -1};
  cvk_dataset *ds = reading(&s, 23, 3);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  float v[12], t[8];
  int64_t at = 0;
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 4}, &b));
  for (;;) {
    ck_ok(cvk_batches_next(b, &x, &target));
    if (x == NULL) break;
    const int64_t n = cvk_tensor_dims(x)[0];
    ck_ok(cvk_tensor_read(x, v, (uint64_t)n * 12));
    ck_ok(cvk_tensor_read(target, t, (uint64_t)n * 8));
    ck_assert_uint_gt(cvk_tensor_write_count(x), 0);
    for (int64_t i = 0; i < n; i++, at++) {
      for (int k = 0; k < 3; k++) ck_assert(v[i * 3 + k] == (float)(at * 10 + k));
      for (int k = 0; k < 2; k++) ck_assert(t[i * 2 + k] == (float)(-at - k));
    }
  }
  ck_assert_int_eq(at, 23);
  ck_assert_int_eq(s.reads, 23);
  ck_assert_int_eq(s.open_signals, 0);
  cvk_batches_release(b);
  cvk_dataset_release(ds);
}
END_TEST

/* Batches before the failing sample's come as ever; of two in one batch the first is named; the failure stays. */
START_TEST(a_failure_comes_with_its_batch) {
  for (int32_t threads = 1; threads <= 4; threads++) {
    source s = {.fails = {27, 26}, .silent = 55};
    cvk_dataset *ds = reading(&s, 100, threads);
    cvk_batches *b = NULL;
    cvk_tensor *x = NULL, *target = NULL;
    ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 10}, &b));
    for (int i = 0; i < 2; i++) {
      ck_ok(cvk_batches_next(b, &x, &target));
      ck_assert_ptr_nonnull(x);
    }
    for (int again = 0; again < 2; again++) {
      ck_fails(cvk_batches_next(b, &x, &target), CVK_IO_ERROR, "sample 26: sector 208 is gone");
      ck_assert(x == NULL && target == NULL);
    }
    cvk_batches_release(b);
    cvk_dataset_release(ds);
  }
}
END_TEST

START_TEST(a_failure_without_a_sentence) {
  source s = {.fails = {-1, -1}, .silent = 3};
  cvk_dataset *ds = reading(&s, 8, 1);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 8, .shuffle = 1, .seed = 1}, &b));
  ck_fails(cvk_batches_next(b, &x, &target), CVK_TIMEOUT, "sample 3: it could not be read");
  cvk_batches_release(b);
  cvk_dataset_release(ds);
}
END_TEST

START_TEST(a_ring_bounds_what_is_made_ahead) {
  source s = {.fails = {-1, -1}, .silent = -1};
  cvk_dataset *ds = reading(&s, 10000, 2);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 10}, &b));
  for (int64_t given = 1; given <= 20; given++) {
    ck_ok(cvk_batches_next(b, &x, &target));
    usleep(5000);
    ck_assert_int_le(s.reads, (given - 1 + 8) * 10);
    ck_assert_int_ge(s.reads, given * 10);
  }
  cvk_batches_release(b);
  ck_assert_int_le(s.reads, 27 * 10);
  cvk_dataset_release(ds);
}
END_TEST

START_TEST(an_end_at_any_time) {
  for (int given = 0; given < 12; given++) {
    source s = {.fails = {-1, -1}, .silent = -1, .wait = 300};
    cvk_dataset *ds = reading(&s, 40, 1 + given % 4);
    cvk_batches *b = NULL;
    cvk_tensor *x, *target;
    ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 4, .shuffle = 1}, &b));
    cvk_dataset_release(ds);
    for (int i = 0; i < given; i++) ck_ok(cvk_batches_next(b, &x, &target));
    cvk_batches_release(b);
    ck_assert_int_ge(s.reads, given < 10 ? given * 4 : 40);
  }
  cvk_batches_release(NULL);
}
END_TEST

/* Samples that an epoch has; -1: it failed. */
static int64_t samples_in_epoch(cvk_dataset *ds) {
#ifdef __SANITIZE_THREAD__ /* which can't follow threads that start after fork */
  return cvk_dataset_count(ds);
#else
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  cvk_status status = cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 4}, &b);
  int64_t n = 0;
  while (status == CVK_OK) {
    status = cvk_batches_next(b, &x, &target);
    if (x == NULL) break;
    n += cvk_tensor_dims(x)[0];
  }
  cvk_batches_release(b);
  return status == CVK_OK ? n : -1;
#endif
}

START_TEST(not_in_a_child_process) {
  source s = {.fails = {-1, -1}, .silent = -1, .wait = 100};
  cvk_dataset *ds = reading(&s, 40, 2);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  int status = 0;
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 4}, &b));
  ck_ok(cvk_batches_next(b, &x, &target));
  const pid_t child = fork();
  if (child == 0) {
    const int refused = cvk_batches_next(b, &x, &target) == CVK_AFTER_FORK;
    cvk_batches_release(b);
    _exit(refused && samples_in_epoch(ds) == 40 ? 0 : 1); /* the dataset can be used */
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  cvk_batches_release(b);
  cvk_dataset_release(ds);
}
END_TEST

START_TEST(options_out_of_range) {
  cvk_dataset *ds = pictures(3, NULL);
  cvk_batches *b = NULL;
  cvk_tensor *x, *target;
  ck_fails(cvk_dataset_batches(ds, NULL, &b), CVK_INVALID_ARGUMENT, "batch is 0");
  ck_fails(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = -4}, &b), CVK_INVALID_ARGUMENT, "batch is -4");
  ck_fails(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 1, .epoch = -1}, &b), CVK_INVALID_ARGUMENT, "epoch is -1");
  ck_fails(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 1, .epoch = (int64_t)1 << 32}, &b), CVK_INVALID_ARGUMENT, "4294967296");
  ck_fails(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 1, .struct_size = 3}, &b), CVK_INVALID_ARGUMENT, "struct_size is 3");
  ck_fails(cvk_dataset_batches(NULL, &(cvk_batches_options){.batch = 1}, &b), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 1}, NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  ck_assert_ptr_null(b);
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = INT64_MAX}, &b)); /* one batch of all */
  ck_fails(cvk_batches_next(b, NULL, &target), CVK_INVALID_ARGUMENT, "x is NULL");
  ck_fails(cvk_batches_next(NULL, &x, &target), CVK_INVALID_ARGUMENT, "NULL");
  ck_ok(cvk_batches_next(b, &x, &target));
  ck_assert_int_eq(cvk_tensor_dims(x)[0], 3);
  cvk_batches_release(b);
  cvk_dataset_release(ds);
}
END_TEST

SUITE("batches", by_number_and_scaled, the_order_of_known_seeds, orders_are_even, threads_batch_and_order_change_no_bit,
      samples_from_anywhere, a_failure_comes_with_its_batch, a_failure_without_a_sentence, a_ring_bounds_what_is_made_ahead,
      an_end_at_any_time, not_in_a_child_process, options_out_of_range)
