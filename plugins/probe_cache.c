/* SPDX-License-Identifier: Apache-2.0 */
/* probe_cache.c: verdicts on disk, a text file a plugin under CACHE_DIR/probe:
 *   convoke probe 1 VERSION           then, a line each: the plugin's path; its size, time, inode, how drivers
 *                                   are tried, their fingerprint; when it was written;
 *   RESULT STATUS OPENCL TEXT         then, a line a driver: RESULT STATUS PATH tab TEXT
 * What works is kept as long as the files stay the same; what is harmful for ten minutes, since
 * a reason may lie outside of the files; all else is tried again each time. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "cache_file.h"
#include "probe.h"

#define FORMAT "convoke probe 1 " CVK_PROBE_VERSION
#define MOST_BYTES (1 << 20)
#define HARMFUL_SECONDS 600

typedef struct key {
  char path[PATH_MAX];   /* of the cache's file */
  char plugin[160];      /* what must be equal */
} key;

static int key_of(const char *plugin, const cvk_probe_request *q, key *k) {
  struct stat st;
  if (q->cache_dir == NULL || stat(plugin, &st) != 0) return 0;
  snprintf(k->plugin, sizeof k->plugin, "%lld %lld.%09ld %llu %s", (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
           (unsigned long long)st.st_ino, q->may_filter ? "each" : "together"); /* how its drivers were tried */
  const uint64_t h = XXH3_64bits(plugin, strlen(plugin));
  return snprintf(k->path, sizeof k->path, "%s/probe/%016llx", q->cache_dir, (unsigned long long)h) < (int)sizeof k->path;
}

static uint64_t drivers_now(const cvk_probe_request *q) {
  cvk_opencl_drivers d;
  if (!cvk_opencl_drivers_list(q->vendors, &d)) return 0;
  const uint64_t h = cvk_opencl_drivers_fingerprint(q->vendors, &d);
  cvk_opencl_drivers_free(&d);
  return h;
}

/* ---- reading ---- */

/* The next line, ended by '\0'; NULL: none that is whole. */
static char *next_line(char **rest) {
  char *line = *rest, *end = strchr(line, '\n');
  if (end == NULL) return NULL;
  *end = '\0';
  *rest = end + 1;
  return line;
}

/* "RESULT STATUS ...": what follows the numbers. */
static char *numbers(char *line, int n, long *v) {
  for (int i = 0; i < n; i++) {
    char *end;
    v[i] = strtol(line, &end, 10);
    if (end == line || *end != ' ') return NULL;
    line = end + 1;
  }
  return line;
}

static int read_driver(char *line, cvk_opencl_drivers *d) {
  long v[2];
  char *path = numbers(line, 2, v), *tab = path != NULL ? strchr(path, '\t') : NULL;
  if (tab == NULL) return 0;
  cvk_opencl_driver *grown = realloc(d->item, (size_t)(d->n + 1) * sizeof *grown);
  if (grown == NULL) return 0;
  d->item = grown;
  *tab = '\0';
  grown[d->n] = (cvk_opencl_driver){.path = strdup(path), .text = strdup(tab + 1), .result = (int32_t)v[0], .status = (cvk_status)v[1]};
  d->n++;
  return grown[d->n - 1].path != NULL && grown[d->n - 1].text != NULL && strchr(path, '/') != NULL;
}

static int is_current(const cvk_probe_request *q, const cvk_probe_verdict *v, uint64_t drivers, long long written) {
  int harmful = v->result == CVK_PROBE_HARMFUL;
  for (int32_t i = 0; i < v->drivers.n; i++) harmful |= v->drivers.item[i].result == CVK_PROBE_HARMFUL;
  const long long age = (long long)time(NULL) - written;
  if (harmful && (age < 0 || age > HARMFUL_SECONDS)) return 0;
  return !v->opencl || drivers_now(q) == drivers;
}

static int parse(char *text, const char *plugin, const key *k, const cvk_probe_request *q, cvk_probe_verdict *out) {
  char *line[5];
  unsigned long long drivers;
  long v[3];
  for (int i = 0; i < 5; i++) {
    line[i] = next_line(&text);
    if (line[i] == NULL) return 0;
  }
  const size_t n = strlen(k->plugin);
  if (strcmp(line[0], FORMAT) != 0 || strcmp(line[1], plugin) != 0 || strncmp(line[2], k->plugin, n) != 0) return 0;
  if (sscanf(line[2] + n, " %llx", &drivers) != 1) return 0;
  const char *said = numbers(line[4], 3, v);
  if (said == NULL) return 0;
  out->result = (int32_t)v[0];
  out->status = (cvk_status)v[1];
  out->opencl = v[2] != 0;
  snprintf(out->text, sizeof out->text, "%s", said);
  for (char *one; (one = next_line(&text)) != NULL;) {
    if (!read_driver(one, &out->drivers)) return 0;
  }
  return is_current(q, out, drivers, strtoll(line[3], NULL, 10));
}

int cvk_probe_cache_load(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *out) {
  key k;
  char *text = key_of(plugin, q, &k) ? cvk_cache_file_read(k.path, MOST_BYTES) : NULL;
  const int found = text != NULL && parse(text, plugin, &k, q, out);
  free(text);
  if (!found) cvk_probe_verdict_free(out);
  return found;
}

/* ---- writing ---- */

void cvk_probe_cache_save(const char *plugin, const cvk_probe_request *q, const cvk_probe_verdict *v) {
  key k;
  char temporary[PATH_MAX];
  if (v->incomplete || (v->result != CVK_PROBE_GOOD && v->result != CVK_PROBE_HARMFUL)) return;
  if (strchr(plugin, '\n') != NULL || !key_of(plugin, q, &k)) return;
  const int fd = cvk_cache_file_begin(k.path, temporary);
  if (fd < 0) return;
  int ok = dprintf(fd, FORMAT "\n%s\n%s %llx\n%lld\n%d %d %d %s\n", plugin, k.plugin, (unsigned long long)(v->opencl ? drivers_now(q) : 0),
                   (long long)time(NULL), (int)v->result, (int)v->status, (int)v->opencl, v->text) > 0;
  for (int32_t i = 0; i < v->drivers.n; i++) {
    const cvk_opencl_driver *d = &v->drivers.item[i];
    ok &= dprintf(fd, "%d %d %s\t%s\n", (int)d->result, (int)d->status, d->path, d->text != NULL ? d->text : "not tried") > 0;
  }
  ok &= close(fd) == 0;
  cvk_cache_file_end(k.path, temporary, ok);
}
