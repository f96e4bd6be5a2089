/* SPDX-License-Identifier: Apache-2.0 */
/* tuned.c: see tuned.h. The file: a line with the format, a line that says whose times they are, then a line a row of a record:
 *   KEY tab ROW tab NS tab ESTIMATED_NS      NS -1: the row's results were wrong
 * It is written whole under a temporary name and renamed; of two processes that tune one device at once, the later one's file stays. */
#include "tuned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "cache_file.h"
#include "op_table.h"

#define FORMAT "convoke tuned 1"
enum { ROW_BYTES = 64, PATH_BYTES = 1024, IDENTITY_BYTES = 512, FILE_MOST = 16 << 20 };

typedef struct line {
  char *key;
  char row[ROW_BYTES];
  int64_t ns, estimated_ns;
} line;

struct cvk_tuned {
  cvk_context *ctx; /* borrowed: the device holds it */
  pthread_mutex_t lock;
  char identity[IDENTITY_BYTES], path[PATH_BYTES]; /* path "": kept in memory only */
  int32_t n, cap;
  line *lines;
};

/* ---- the list ---- */

static int32_t add(cvk_tuned *t, const char *key, size_t key_bytes, const char *row, size_t row_bytes, int64_t ns, int64_t estimated_ns) {
  if (t->n == t->cap) {
    const int32_t cap = t->cap ? 2 * t->cap : 64;
    line *grown = realloc(t->lines, (size_t)cap * sizeof *grown);
    if (grown == NULL) return 0;
    t->lines = grown;
    t->cap = cap;
  }
  line *l = &t->lines[t->n];
  *l = (line){.key = strndup(key, key_bytes), .ns = ns, .estimated_ns = estimated_ns};
  if (l->key == NULL || row_bytes >= ROW_BYTES) {
    free(l->key);
    return 0;
  }
  memcpy(l->row, row, row_bytes);
  t->n++;
  return 1;
}

static void drop(cvk_tuned *t, const char *key) {
  int32_t kept = 0;
  for (int32_t i = 0; i < t->n; i++) {
    if (strcmp(t->lines[i].key, key) == 0) free(t->lines[i].key);
    else t->lines[kept++] = t->lines[i];
  }
  t->n = kept;
}

static void drop_all(cvk_tuned *t) {
  for (int32_t i = 0; i < t->n; i++) free(t->lines[i].key);
  t->n = 0;
}

static const line *find(const cvk_tuned *t, const char *key, const char *row) {
  for (int32_t i = 0; i < t->n; i++) {
    if (strcmp(t->lines[i].key, key) == 0 && strcmp(t->lines[i].row, row) == 0) return &t->lines[i];
  }
  return NULL;
}

/* ---- the file ---- */

/* One line of the file up to `end`. 0: it is none that we write. */
static int32_t read_line(cvk_tuned *t, const char *at, const char *end) {
  const char *field[3];
  for (int i = 0; i < 3; i++) {
    field[i] = memchr(i ? field[i - 1] + 1 : at, '\t', (size_t)(end - (i ? field[i - 1] + 1 : at)));
    if (field[i] == NULL) return 0;
  }
  char *stop_ns, *stop_estimate;
  const int64_t ns = strtoll(field[1] + 1, &stop_ns, 10), estimate = strtoll(field[2] + 1, &stop_estimate, 10);
  if (stop_ns != field[2] || stop_estimate != end || ns < -1 || estimate < 0) return 0;
  return add(t, at, (size_t)(field[0] - at), field[0] + 1, (size_t)(field[1] - field[0] - 1), ns, estimate);
}

/* 1: all of the text is a file of this device's. */
static int32_t read_text(cvk_tuned *t, const char *text) {
  for (int n = 0; *text; n++) {
    const char *end = strchr(text, '\n');
    if (end == NULL) return 0; /* cut off */
    const char *wanted = n == 0 ? FORMAT : t->identity;
    if (n < 2 ? strlen(wanted) != (size_t)(end - text) || memcmp(text, wanted, strlen(wanted)) != 0 : !read_line(t, text, end)) return 0;
    text = end + 1;
  }
  return 1;
}

static int32_t write_file(const cvk_tuned *t) {
  char temporary[PATH_MAX];
  const int fd = cvk_cache_file_begin(t->path, temporary);
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (f == NULL) {
    if (fd < 0) return 0;
    close(fd);
    return cvk_cache_file_end(t->path, temporary, 0);
  }
  char text[CVK_TUNED_KEY + ROW_BYTES + 64];
  int n = snprintf(text, sizeof text, "%s\n%s\n", FORMAT, t->identity);
  for (int32_t i = 0; i <= t->n; i++) {
    fwrite(text, 1, (size_t)n, f);
    if (i == t->n) break;
    const line *l = &t->lines[i];
    n = snprintf(text, sizeof text, "%s\t%s\t%lld\t%lld\n", l->key, l->row, (long long)l->ns, (long long)l->estimated_ns);
  }
  const int32_t written = ferror(f) == 0, closed = fclose(f) == 0;
  return cvk_cache_file_end(t->path, temporary, written && closed);
}

/* ---- lifetime ---- */

cvk_tuned *cvk_tuned_open(cvk_context *ctx, const cvk_device_info *info) {
  const char *folder = ctx->option[CVK_OPTION_CACHE_DIR];
  cvk_tuned *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->ctx = ctx;
  pthread_mutex_init(&t->lock, NULL);
  snprintf(t->identity, sizeof t->identity, "%.*s, %s, %s, %s, %d units, convoke %s", (int)strcspn(info->id, ":"), info->id, info->name,
           info->driver, info->isa, info->units, CVK_VERSION_STRING);
  for (char *c = t->identity; *c; c++) {
    if (*c == '\n') *c = ' ';
  }
  if (folder == NULL || *folder == 0 || strlen(folder) > PATH_BYTES - 64) return t;
  snprintf(t->path, sizeof t->path, "%s/tuned-%016llx.txt", folder, (unsigned long long)XXH3_64bits(t->identity, strlen(t->identity)));
  char *text = cvk_cache_file_read(t->path, FILE_MOST);
  if (text && !read_text(t, text)) {
    drop_all(t);
    cvk_context_log(ctx, CVK_LOG_WARNING, "device %s: %s is damaged: rows are chosen as if nothing had been tuned", info->id, t->path);
  } else if (text) {
    cvk_context_log(ctx, CVK_LOG_INFO, "device %s: %d tuned times from %s", info->id, (int)t->n, t->path);
  }
  free(text);
  return t;
}

void cvk_tuned_close(cvk_tuned *t) {
  if (t == NULL) return;
  drop_all(t);
  free(t->lines);
  pthread_mutex_destroy(&t->lock);
  free(t);
}

/* ---- use ---- */

int32_t cvk_tuned_empty(cvk_tuned *t) {
  pthread_mutex_lock(&t->lock);
  const int32_t empty = t->n == 0;
  pthread_mutex_unlock(&t->lock);
  return empty;
}

/* 1..8 as they are, then 12, 16, 24, 32, ...: two steps from one power of two to the next. */
static long long rounded(int64_t extent) {
  if (extent <= 8) return extent;
  int64_t step = 8;
  while (step <= INT64_MAX / 4 && 2 * step < extent) step *= 2;
  return extent <= step + step / 2 ? step + step / 2 : step <= INT64_MAX / 4 ? 2 * step : extent;
}

int32_t cvk_tuned_key(const cvk_op *op, int32_t n_in, char key[CVK_TUNED_KEY]) {
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  const uint64_t attr = op->attr && def->attr_bytes ? XXH3_64bits(op->attr, def->attr_bytes) : 0;
  int n = snprintf(key, CVK_TUNED_KEY, "%s %016llx %x", def->name, (unsigned long long)attr, op->flags);
  for (int32_t i = 0; i < n_in && n < CVK_TUNED_KEY; i++) {
    const cvk_tensor_desc *d = op->in[i];
    n += snprintf(key + n, (size_t)(CVK_TUNED_KEY - n), d == NULL ? " -" : d->const_data ? " constant " : " ");
    if (d == NULL || n >= CVK_TUNED_KEY) continue;
    n += snprintf(key + n, (size_t)(CVK_TUNED_KEY - n), "%s", cvk_dtype_name(d->dtype));
    for (int32_t a = 0; a < d->rank && n < CVK_TUNED_KEY; a++) n += snprintf(key + n, (size_t)(CVK_TUNED_KEY - n), "%c%lld", a ? 'x' : ':', rounded(d->dim[a]));
  }
  return n < CVK_TUNED_KEY;
}

int32_t cvk_tuned_apply(cvk_tuned *t, const char *key, int32_t n, cvk_candidate *list) {
  int32_t known = 0, kept = 0;
  pthread_mutex_lock(&t->lock);
  for (int32_t i = 0; i < n; i++) known += find(t, key, list[i].row) != NULL;
  for (int32_t i = 0; i < n && known; i++) {
    const line *l = find(t, key, list[i].row);
    if (l == NULL || l->ns < 0) continue;
    const double scale = list[i].estimated_ns > 0 && l->estimated_ns > 0 ? list[i].estimated_ns / (double)l->estimated_ns : 1;
    list[kept] = list[i];
    list[kept++].estimated_ns = scale * (double)(l->ns > 0 ? l->ns : 1);
  }
  pthread_mutex_unlock(&t->lock);
  return known ? kept : n;
}

cvk_status cvk_tuned_put(cvk_tuned *t, const char *key, int32_t n, const cvk_row_time *rows, const double *estimated_ns) {
  cvk_status status = CVK_OK;
  pthread_mutex_lock(&t->lock);
  drop(t, key);
  for (int32_t i = 0; i < n && status == CVK_OK; i++) {
    if (!add(t, key, strlen(key), rows[i].row, strlen(rows[i].row), rows[i].ns < 0 ? -1 : rows[i].ns, (int64_t)estimated_ns[i]))
      status = cvk_fail(CVK_NO_MEMORY, "session_tune: no memory for the times of %s", rows[i].row);
  }
  if (status != CVK_OK) drop(t, key);
  else if (*t->path && !write_file(t)) status = cvk_fail(CVK_IO_ERROR, "session_tune: %s cannot be written (%s)", t->path, strerror(errno));
  pthread_mutex_unlock(&t->lock);
  return status;
}
