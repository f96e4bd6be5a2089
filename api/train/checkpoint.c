/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c: a trainer's state in a file, little endian, as on every machine that Convoke runs on:
 *   "cvktrain" u32 version u32 0, then the fingerprint of model and options (u64), all steps of the schedule (i64), steps (i64), best epoch
 * (i64) and loss (f64), history (i64 count, cvk_epoch_result each), for each variable its tensors (now, then slots), i64 1 and the best
 * weights or i64 0, and last the XXH64 of all that stands before it. The file is made beside the old one, as PATH.new, and renamed over it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "train_internal.h"

static const char magic[16] = {'c', 'v', 'k', 't', 'r', 'a', 'i', 'n', 1};

/* Everything that a trainer must have in common with the one that wrote a file: what is trained, and how. */
static uint64_t fingerprint(const cvk_trainer *t) {
  const cvk_trainer_options *o = &t->options;
  const int64_t whole[] = {o->loss,     o->has_ignore, o->ignore_index, o->n_class_weights, o->optimizer,
                           o->nesterov, o->schedule,   o->decay_steps,  (int64_t)o->seed,   t->n_variables};
  const float real[] = {o->label_smoothing, o->learning_rate, o->momentum,   o->beta1,  o->beta2,       o->epsilon,
                        o->weight_decay,    o->clip_norm,     o->clip_value, o->warmup, o->decay_factor};
  XXH64_hash_t h = XXH64(whole, sizeof whole, 0);
  h = XXH64(real, sizeof real, h);
  if (t->class_tensor) h = XXH64(cvk_tensor_host(t->class_tensor), cvk_tensor_bytes(t->class_tensor), h);
  for (int32_t i = 0; i < t->n_variables; i++) {
    const cvk_variable *v = &t->variables[i];
    h = XXH64(v->desc.dim, sizeof v->desc.dim, h + (uint64_t)v->desc.rank * 2 + (uint64_t)v->statistic);
  }
  for (int32_t n = 0; n < t->model->n_nodes; n++) {
    const cvk_graph_node *node = &t->model->nodes[n];
    h = XXH64(&node->kind, sizeof node->kind, h);
    h = XXH64(node->in, (size_t)node->n_in * sizeof *node->in, h);
  }
  return h;
}

/* ---- writing ---- */

typedef struct writer {
  FILE *f;
  XXH64_state_t *hash;
  int32_t failed;
} writer;

static void put(writer *w, const void *data, uint64_t bytes) {
  if (w->failed || bytes == 0) return; /* no epochs yet: no array */
  XXH64_update(w->hash, data, bytes);
  w->failed = fwrite(data, 1, bytes, w->f) != bytes;
}

static cvk_status put_tensor(writer *w, const cvk_tensor *t) {
  const uint64_t bytes = cvk_tensor_bytes(t);
  void *copy = malloc(bytes + 1);
  if (copy == NULL) return cvk_fail(CVK_NO_MEMORY, "trainer_save: no memory for %llu bytes", (unsigned long long)bytes);
  const cvk_status status = cvk_tensor_read(t, copy, bytes);
  if (status == CVK_OK) put(w, copy, bytes);
  free(copy);
  return status;
}

static cvk_status put_state(writer *w, const cvk_trainer *t) {
  const uint64_t print = fingerprint(t);
  const int64_t has_best = t->best != NULL;
  cvk_status status = CVK_OK;
  put(w, magic, sizeof magic);
  put(w, &print, sizeof print);
  put(w, &t->total_steps, sizeof t->total_steps);
  put(w, &t->steps_taken, sizeof t->steps_taken);
  put(w, &t->best_epoch, sizeof t->best_epoch);
  put(w, &t->best_loss, sizeof t->best_loss);
  put(w, &t->n_epochs, sizeof t->n_epochs);
  put(w, t->epochs, (uint64_t)t->n_epochs * sizeof *t->epochs);
  for (int32_t i = 0; i < t->n_variables && status == CVK_OK; i++) {
    const cvk_variable *v = &t->variables[i];
    status = put_tensor(w, v->now);
    for (int32_t k = 0; k < t->n_slots && !v->statistic && status == CVK_OK; k++) status = put_tensor(w, v->slot[k]);
  }
  put(w, &has_best, sizeof has_best);
  for (int32_t i = 0; has_best && i < t->n_variables && status == CVK_OK; i++) status = put_tensor(w, t->best[i]);
  const uint64_t sum = XXH64_digest(w->hash);
  put(w, &sum, sizeof sum);
  return status;
}

cvk_status cvk_trainer_save(cvk_trainer *t, const char *path) {
  char temporary[PATH_MAX];
  if (t == NULL || path == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_save: %s is NULL", t ? "the path" : "the trainer");
  if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_save: the path has more than %d characters", PATH_MAX - 5);
  const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return cvk_fail(CVK_IO_ERROR, "trainer_save: '%s': %s", temporary, strerror(errno));
  writer w = {.f = fdopen(fd, "wb"), .hash = XXH64_createState()};
  cvk_status status = w.f && w.hash ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "trainer_save: no memory");
  if (status == CVK_OK) {
    XXH64_reset(w.hash, 0);
    status = put_state(&w, t);
    if (status == CVK_OK && (w.failed || fflush(w.f) != 0 || fsync(fd) != 0))
      status = cvk_fail(CVK_IO_ERROR, "trainer_save: '%s': %s", path, strerror(errno));
  }
  if (w.f == NULL)
    close(fd);
  else if (fclose(w.f) != 0 && status == CVK_OK)
    status = cvk_fail(CVK_IO_ERROR, "trainer_save: '%s': %s", path, strerror(errno));
  XXH64_freeState(w.hash);
  if (status == CVK_OK && rename(temporary, path) != 0) status = cvk_fail(CVK_IO_ERROR, "trainer_save: '%s': %s", path, strerror(errno));
  if (status != CVK_OK) unlink(temporary);
  return status;
}

/* ---- reading ---- */

typedef struct reader {
  const char *data;
  uint64_t at, bytes;
} reader;

static const void *take(reader *r, uint64_t bytes) {
  if (bytes > r->bytes - r->at) return NULL;
  r->at += bytes;
  return r->data + r->at - bytes;
}

static int32_t take_to(reader *r, void *to, uint64_t bytes) {
  const void *p = take(r, bytes);
  if (p) memcpy(to, p, bytes);
  return p != NULL;
}

static cvk_status damaged(const char *path) {
  return cvk_fail(CVK_IO_ERROR, "trainer_load: '%s' is damaged or no checkpoint", path);
}

/* The whole file, whose sum fits; free() it. */
static cvk_status read_file(const char *path, reader *out) {
  FILE *f = fopen(path, "rbe");
  struct stat st;
  uint64_t sum;
  if (f == NULL || fstat(fileno(f), &st) != 0) {
    const cvk_status status = cvk_fail(CVK_IO_ERROR, "trainer_load: '%s': %s", path, strerror(errno));
    if (f) fclose(f);
    return status;
  }
  const size_t bytes = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
  char *data = malloc(bytes + 1);
  const int32_t whole = data && fread(data, 1, bytes, f) == bytes;
  fclose(f);
  if (data && whole && bytes >= sizeof magic + sizeof sum && memcmp(data, magic, sizeof magic) == 0) {
    memcpy(&sum, data + bytes - sizeof sum, sizeof sum);
    if (sum == XXH64(data, bytes - sizeof sum, 0)) {
      *out = (reader){data, sizeof magic, bytes - sizeof sum};
      return CVK_OK;
    }
  }
  free(data);
  return data ? damaged(path) : cvk_fail(CVK_NO_MEMORY, "trainer_load: no memory for %zu bytes", bytes);
}

typedef struct state {
  uint64_t print;
  int64_t total_steps, steps, best_epoch, n_epochs, has_best;
  double best_loss;
  const void *epochs;
} state;

static int32_t take_head(reader *r, state *s) {
  return take_to(r, &s->print, sizeof s->print) && take_to(r, &s->total_steps, sizeof s->total_steps) &&
         take_to(r, &s->steps, sizeof s->steps) && take_to(r, &s->best_epoch, sizeof s->best_epoch) &&
         take_to(r, &s->best_loss, sizeof s->best_loss) && take_to(r, &s->n_epochs, sizeof s->n_epochs) && s->n_epochs >= 0 &&
         (uint64_t)s->n_epochs <= r->bytes / sizeof(cvk_epoch_result) &&
         (s->epochs = take(r, (uint64_t)s->n_epochs * sizeof(cvk_epoch_result))) != NULL;
}

static cvk_status take_tensor(reader *r, cvk_tensor *t, const char *path) {
  const void *p = take(r, cvk_tensor_bytes(t));
  return p ? cvk_tensor_write(t, p, cvk_tensor_bytes(t)) : damaged(path);
}

/* Goes once over the tensors: with `give` 0 only their sizes are checked, so that a file that does not fit changes nothing. */
static cvk_status take_tensors(cvk_trainer *t, reader *r, int32_t give, const char *path) {
  cvk_status status = CVK_OK;
  int64_t has_best;
  for (int32_t i = 0; i < t->n_variables && status == CVK_OK; i++) {
    cvk_variable *v = &t->variables[i];
    for (int32_t k = -1; k < (v->statistic ? 0 : t->n_slots) && status == CVK_OK; k++) {
      cvk_tensor *to = k < 0 ? v->now : v->slot[k];
      status = give ? take_tensor(r, to, path) : take(r, cvk_tensor_bytes(to)) ? CVK_OK : damaged(path);
    }
  }
  if (status != CVK_OK || !take_to(r, &has_best, sizeof has_best)) return status != CVK_OK ? status : damaged(path);
  if (!has_best && give) cvk_trainer_drop_best(t);
  if (has_best && give) status = cvk_trainer_take_best(t); /* makes the tensors */
  for (int32_t i = 0; has_best && i < t->n_variables && status == CVK_OK; i++) {
    const uint64_t bytes = cvk_tensor_bytes(t->variables[i].now);
    status = give ? take_tensor(r, t->best[i], path) : take(r, bytes) ? CVK_OK : damaged(path);
  }
  return status;
}

/* A trainer that does not know its number of steps takes over the file's. */
static int32_t other_total(const cvk_trainer *t, int64_t total_steps) {
  return cvk_trainer_needs_total(&t->options) && t->total_steps != 0 && total_steps != 0 && t->total_steps != total_steps;
}

cvk_status cvk_trainer_load(cvk_trainer *t, const char *path) {
  reader r = {0};
  state s = {0};
  if (t == NULL || path == NULL) return cvk_fail(CVK_INVALID_ARGUMENT, "trainer_load: %s is NULL", t ? "the path" : "the trainer");
  cvk_status status = read_file(path, &r);
  if (status != CVK_OK) return status;
  if (!take_head(&r, &s)) status = damaged(path);
  if (status == CVK_OK && (s.print != fingerprint(t) || other_total(t, s.total_steps)))
    status = cvk_fail(CVK_INVALID_ARGUMENT,
                      "trainer_load: '%s' is of another model or of other options (epochs, batch size, seed, optimiser, rates)", path);
  reader again = r;
  if (status == CVK_OK) status = take_tensors(t, &r, 0, path);
  if (status == CVK_OK && r.at != r.bytes) status = damaged(path);
  if (status == CVK_OK) status = take_tensors(t, &again, 1, path);
  if (status == CVK_OK) {
    t->n_epochs = 0;
    for (int64_t i = 0; i < s.n_epochs && status == CVK_OK; i++) {
      cvk_epoch_result e;
      memcpy(&e, (const char *)s.epochs + (size_t)i * sizeof e, sizeof e);
      status = cvk_trainer_add_epoch(t, &e);
    }
    if (t->total_steps == 0) t->total_steps = s.total_steps;
    t->steps_taken = s.steps;
    t->best_epoch = s.best_epoch;
    t->best_loss = s.best_loss;
    cvk_session_release(t->inference);
    t->inference = NULL;
  }
  free((void *)r.data);
  return status;
}
