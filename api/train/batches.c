/* SPDX-License-Identifier: Apache-2.0 */
/* batches.c: the batches of an epoch (convoke/dataset.h). Batch b lies in slot b % ring. Threads take stretches of the first batch that is
 * not all taken, so that several work on one batch; one is begun when its slot was given back. A failure stays with its slot. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "context_internal.h"
#include "cpu_quota.h"
#include "dataset_internal.h"
#include "memory.h"
#include "process.h"
#include "struct_copy.h"
#include "tensor_internal.h"

#define FEWEST_SLOTS 3 /* one lent out, one ready, one in the making */
#define MOST_SLOTS 8
#define RING_BYTES ((uint64_t)64 << 20)
#define MOST_STRETCH 8     /* samples taken at once */
#define MESSAGE_BYTES 2048 /* as long as this library's */

typedef struct slot {
  cvk_tensor *x, *target;
  int64_t batch;     /* that lies here; -1: none yet */
  int64_t n, done;   /* samples of it, and those that are made */
  int64_t failed;    /* place in the order of the first sample that could not be read; -1: none */
  cvk_status status; /* of that */
  char message[MESSAGE_BYTES];
} slot;

struct cvk_batches {
  cvk_dataset *ds; /* retained */
  uint64_t seed;
  int64_t epoch, batch, n_batches, stretch;
  int32_t augment;
  int32_t pid;
  int64_t *order; /* sample at each place; NULL: by number */
  int32_t n_slots, n_threads;
  int32_t wake_at; /* sleeping threads are woken when no more batches than this are made: a wake can push the consumer off its core */
  slot *slots;
  cvk_tensor *last_x, *last_target; /* of a last batch that is smaller; NULL: it is not */
  pthread_t *threads;
  pthread_mutex_t lock; /* guards all below, and the slots but for their tensors' data */
  pthread_cond_t ready, room;
  int64_t making, taken; /* the batch that samples are taken from, and how many were */
  int64_t given, back;   /* batches handed out, and given back */
  int32_t stop;
};

/* What a thread needs to make samples: one as it is read and, to be warped, as padded f32 planes. */
typedef struct scratch {
  void *raw_x, *raw_target;
  float *padded;
} scratch;

/* ---- one sample ---- */

static int scratch_open(const cvk_batches *b, scratch *s) {
  const cvk_dataset *ds = b->ds;
  *s = (scratch){cvk_memory_alloc(cvk_desc_bytes(&ds->raw_x), 64, 0), cvk_memory_alloc(cvk_desc_bytes(&ds->raw_target), 64, 0), NULL};
  if (s->raw_x == NULL || s->raw_target == NULL) return 0;
  if (!b->augment) return 1;
  const int64_t n = ds->x.dim[0] * cvk_warp_plane(ds->x.dim[1], ds->x.dim[2]);
  s->padded = cvk_memory_alloc((uint64_t)n * sizeof *s->padded, 64, 0);
  for (int64_t i = 0; s->padded && i < n; i++) s->padded[i] = ds->augment.fill;
  return s->padded != NULL;
}

static void scratch_close(scratch *s) {
  cvk_memory_free(s->raw_x);
  cvk_memory_free(s->raw_target);
  cvk_memory_free(s->padded);
}

static void scale(const cvk_dataset *ds, const void *raw, int64_t at, int64_t n, float *restrict out) {
  const float factor = ds->scale, offset = ds->offset;
  if (ds->raw_x.dtype == CVK_U8) {
    const uint8_t *from = (const uint8_t *)raw + at;
    for (int64_t i = 0; i < n; i++) out[i] = (float)from[i] * factor + offset;
  } else {
    const float *from = (const float *)raw + at;
    for (int64_t i = 0; i < n; i++) out[i] = from[i] * factor + offset;
  }
}

static void write_target(const cvk_dataset *ds, const void *raw, int64_t place, void *data) {
  const int64_t n = cvk_count(ds->target.rank, ds->target.dim);
  int64_t *out = (int64_t *)data + place * n;
  switch (ds->raw_target.dtype) {
    case CVK_U8:
      for (int64_t i = 0; i < n; i++) out[i] = ((const uint8_t *)raw)[i];
      break;
    case CVK_I32:
      for (int64_t i = 0; i < n; i++) out[i] = ((const int32_t *)raw)[i];
      break;
    case CVK_I64:
      memcpy(out, raw, (size_t)n * sizeof *out);
      break;
    default:
      memcpy((float *)data + place * n, raw, (size_t)n * sizeof(float));
  }
}

/* Sample `index` to place `place` of the tensors. */
static cvk_status make_sample(const cvk_batches *b, const scratch *s, int64_t index, int64_t place, float *x, void *target) {
  const cvk_dataset *ds = b->ds;
  const int64_t *dim = ds->x.dim, n = cvk_count(ds->x.rank, dim);
  const cvk_status status = ds->read(ds->arg, index, s->raw_x, s->raw_target);
  if (status != CVK_OK) return status;
  write_target(ds, s->raw_target, place, target);
  if (!b->augment) {
    scale(ds, s->raw_x, 0, n, x + place * n);
    return CVK_OK;
  }
  const int64_t stride = cvk_warp_stride(dim[2]), plane = cvk_warp_plane(dim[1], dim[2]);
  for (int64_t c = 0; c < dim[0]; c++) {
    for (int64_t y = 0; y < dim[1]; y++) {
      scale(ds, s->raw_x, (c * dim[1] + y) * dim[2], dim[2], s->padded + c * plane + (y + 1) * stride + 1);
    }
  }
  const cvk_warp warp = cvk_augment_draw(&ds->augment, dim[1], dim[2], b->seed, b->epoch, index);
  cvk_warp_run(&warp, dim[0], dim[1], dim[2], s->padded, x + place * n);
  return CVK_OK;
}

/* ---- threads ---- */

static int64_t samples_of(const cvk_batches *b, int64_t batch) {
  const int64_t left = b->ds->count - batch * b->batch;
  return left < b->batch ? left : b->batch;
}

static cvk_tensor *tensor_of(cvk_batches *b, const slot *s, int is_target) {
  if (s->n < b->batch && b->last_x) return is_target ? b->last_target : b->last_x;
  return is_target ? s->target : s->x;
}

/* Waits for samples to be made: places begin..end-1 of a batch. NULL: there are no more. With the lock held. */
static slot *take(cvk_batches *b, int64_t *begin, int64_t *end) {
  while (!b->stop && b->making < b->n_batches && b->making >= b->back + b->n_slots) pthread_cond_wait(&b->room, &b->lock);
  if (b->stop || b->making == b->n_batches) return NULL;
  slot *s = &b->slots[b->making % b->n_slots];
  if (b->taken == 0) {
    s->batch = b->making;
    s->n = samples_of(b, s->batch);
    s->done = 0;
    s->failed = -1;
    s->status = CVK_OK;
  }
  *begin = b->taken;
  *end = s->n - b->taken < b->stretch ? s->n : b->taken + b->stretch;
  b->taken = *end;
  if (*end == s->n) {
    b->making++;
    b->taken = 0;
  }
  return s;
}

static void *run(void *arg) {
  cvk_batches *b = arg;
  scratch space;
  int64_t begin, end, place;
  slot *s;
  const int has_memory = scratch_open(b, &space);
  pthread_mutex_lock(&b->lock);
  while ((s = take(b, &begin, &end)) != NULL) {
    const int64_t first = s->batch * b->batch;
    float *x = tensor_of(b, s, 0)->storage->host;
    void *target = tensor_of(b, s, 1)->storage->host;
    pthread_mutex_unlock(&b->lock);
    cvk_error_clear();
    cvk_status status = has_memory ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "no memory to read a sample to");
    for (place = begin; place < end && status == CVK_OK; place++) {
      const int64_t at = first + place;
      status = make_sample(b, &space, b->order ? b->order[at] : at, place, x, target);
    }
    pthread_mutex_lock(&b->lock);
    if (status != CVK_OK) {
      const int64_t failed = first + (has_memory ? place - 1 : begin);
      if (s->failed < 0 || failed < s->failed) {
        const char *text = cvk_error_message();
        const size_t length = strnlen(text, MESSAGE_BYTES - 1);
        s->failed = failed;
        s->status = status;
        memcpy(s->message, text, length);
        s->message[length] = 0;
      }
    }
    s->done += end - begin;
    if (s->done == s->n) pthread_cond_signal(&b->ready);
  }
  pthread_mutex_unlock(&b->lock);
  scratch_close(&space);
  return NULL;
}

/* Fewer threads than wanted do as well. */
static cvk_status start(cvk_batches *b, int32_t wanted) {
  sigset_t all, before;
  int error = 0;
  b->threads = malloc((size_t)wanted * sizeof *b->threads);
  if (b->threads == NULL) return cvk_fail(CVK_NO_MEMORY, "batches: no memory for %d threads", wanted);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (b->n_threads < wanted && error == 0) {
    error = pthread_create(&b->threads[b->n_threads], NULL, run, b);
    if (error == 0) b->n_threads++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return b->n_threads > 0 ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "batches: the system starts no thread: %s", strerror(error));
}

/* ---- the object ---- */

/* Fisher and Yates: a function of seed and epoch. 64 bits for each place: the bias of the remainder is beyond notice. */
static int64_t *shuffled(int64_t n, uint64_t seed, int64_t epoch) {
  int64_t *order = (uint64_t)n > SIZE_MAX / sizeof *order ? NULL : malloc((size_t)n * sizeof *order);
  if (order == NULL) return NULL;
  for (int64_t i = 0; i < n; i++) order[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    uint32_t r[4];
    cvk_dataset_draw(seed, epoch, i, CVK_DRAW_ORDER, r);
    const int64_t j = (int64_t)(((uint64_t)r[1] << 32 | r[0]) % (uint64_t)(i + 1)), kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

static cvk_status create_tensor(const cvk_tensor_desc *sample, int64_t n, cvk_tensor **out) {
  int64_t dim[CVK_MAX_RANK] = {n};
  memcpy(dim + 1, sample->dim, (size_t)sample->rank * sizeof *dim);
  return cvk_tensor_create(NULL, sample->dtype, sample->rank + 1, dim, NULL, out);
}

static cvk_status create_slots(cvk_batches *b) {
  const uint64_t sample = cvk_desc_bytes(&b->ds->x) + cvk_desc_bytes(&b->ds->target), fit = RING_BYTES / sample / (uint64_t)b->batch;
  const int64_t last = b->ds->count - (b->n_batches - 1) * b->batch;
  cvk_status status = CVK_OK;
  b->n_slots = fit < FEWEST_SLOTS ? FEWEST_SLOTS : fit > MOST_SLOTS ? MOST_SLOTS : (int32_t)fit;
  if (b->n_slots > b->n_batches) b->n_slots = (int32_t)b->n_batches;
  b->wake_at = b->n_slots / 2 < FEWEST_SLOTS ? FEWEST_SLOTS : b->n_slots / 2;
  b->slots = calloc((size_t)b->n_slots, sizeof *b->slots);
  if (b->slots == NULL) return cvk_fail(CVK_NO_MEMORY, "batches: no memory for %d slots", b->n_slots);
  for (int32_t i = 0; i < b->n_slots && status == CVK_OK; i++) {
    b->slots[i].batch = -1;
    status = create_tensor(&b->ds->x, b->batch, &b->slots[i].x);
    if (status == CVK_OK) status = create_tensor(&b->ds->target, b->batch, &b->slots[i].target);
  }
  if (status != CVK_OK || last == b->batch) return status;
  status = create_tensor(&b->ds->x, last, &b->last_x);
  return status == CVK_OK ? create_tensor(&b->ds->target, last, &b->last_target) : status;
}

/* As many threads as the dataset's options say, but no more than there are stretches. */
static int32_t threads_for(cvk_batches *b) {
  const int64_t n = b->ds->threads, share = b->batch / n;
  b->stretch = share < 1 ? 1 : share > MOST_STRETCH ? MOST_STRETCH : share;
  const int64_t stretches = (b->ds->count + b->stretch - 1) / b->stretch;
  return (int32_t)(n < stretches ? n : stretches);
}

cvk_status cvk_dataset_batches(cvk_dataset *ds, const cvk_batches_options *options, cvk_batches **out) {
  cvk_batches_options o;
  if (ds == NULL || out == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "batches: %s is NULL", ds == NULL ? "the dataset" : "out");
  cvk_status status = cvk_copy_in(&o, options, sizeof o, "batches");
  if (status != CVK_OK) return status;
  if (o.batch < 1) return cvk_fail(CVK_INVALID_ARGUMENT, "batches: batch is %lld, it must be at least 1", (long long)o.batch);
  if (o.epoch < 0 || o.epoch > UINT32_MAX) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "batches: epoch is %lld, the range is 0..%lld", (long long)o.epoch, (long long)UINT32_MAX);
  }
  cvk_batches *b = calloc(1, sizeof *b);
  if (b == NULL) return cvk_fail(CVK_NO_MEMORY, "batches: no memory for %zu bytes of bookkeeping", sizeof *b);
  pthread_mutex_init(&b->lock, NULL);
  pthread_cond_init(&b->ready, NULL);
  pthread_cond_init(&b->room, NULL);
  b->ds = cvk_dataset_retain(ds);
  b->pid = cvk_process_id();
  b->seed = o.seed;
  b->epoch = o.epoch;
  b->batch = o.batch < ds->count ? o.batch : ds->count;
  b->n_batches = (ds->count - 1) / b->batch + 1;
  b->augment = o.augment && ds->augments;
  if (o.shuffle) {
    b->order = shuffled(ds->count, o.seed, o.epoch);
    if (b->order == NULL) status = cvk_fail(CVK_NO_MEMORY, "batches: no memory for the order of %lld samples", (long long)ds->count);
  }
  if (status == CVK_OK) status = create_slots(b);
  if (status == CVK_OK) status = start(b, threads_for(b));
  if (status != CVK_OK) {
    cvk_batches_release(b);
    return status;
  }
  *out = b;
  return CVK_OK;
}

cvk_status cvk_batches_next(cvk_batches *b, cvk_tensor **x, cvk_tensor **target) {
  if (b == NULL || x == NULL || target == NULL) {
    return cvk_fail(CVK_INVALID_ARGUMENT, "batches_next: %s is NULL", b == NULL ? "the batches" : x == NULL ? "x" : "target");
  }
  if (b->pid != cvk_process_id()) return cvk_fail(CVK_AFTER_FORK, "batches_next: the batches were made by the parent process");
  cvk_status status = CVK_OK;
  *x = *target = NULL;
  pthread_mutex_lock(&b->lock);
  b->back = b->given;
  if (b->making - b->back <= b->wake_at) pthread_cond_broadcast(&b->room);
  if (b->given < b->n_batches) {
    const slot *s = &b->slots[b->given % b->n_slots];
    while (s->batch != b->given || s->done < s->n) pthread_cond_wait(&b->ready, &b->lock);
    if (s->failed >= 0) {
      const int64_t index = b->order ? b->order[s->failed] : s->failed;
      status = cvk_fail(s->status, "sample %lld: %s", (long long)index, s->message[0] ? s->message : "it could not be read");
    } else {
      *x = tensor_of(b, s, 0);
      *target = tensor_of(b, s, 1);
      b->given++;
    }
  }
  pthread_mutex_unlock(&b->lock);
  if (*x) {
    atomic_fetch_add(&(*x)->storage->writes, 1);
    atomic_fetch_add(&(*target)->storage->writes, 1);
  }
  return status;
}

void cvk_batches_release(cvk_batches *b) {
  if (b == NULL) return;
  if (b->pid == cvk_process_id()) { /* in a child process there are no threads, and their locks are as they happened to be */
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->room);
    pthread_mutex_unlock(&b->lock);
    for (int32_t i = 0; i < b->n_threads; i++) pthread_join(b->threads[i], NULL);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->ready);
    pthread_cond_destroy(&b->room);
  }
  for (int32_t i = 0; b->slots && i < b->n_slots; i++) {
    cvk_tensor_release(b->slots[i].x);
    cvk_tensor_release(b->slots[i].target);
  }
  cvk_tensor_release(b->last_x);
  cvk_tensor_release(b->last_target);
  cvk_dataset_release(b->ds);
  free(b->slots);
  free(b->threads);
  free(b->order);
  free(b);
}
