/* SPDX-License-Identifier: Apache-2.0 */
/* opencl_drivers.c: see opencl_drivers.h. */
#define _GNU_SOURCE
#include "opencl_drivers.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define SYSTEM_VENDORS "/etc/OpenCL/vendors"
#define SYSTEM_LIBRARIES "/etc/ld.so.cache" /* changes with what is installed: .icd files mostly name libraries without a folder */
#define VARIABLE "OCL_ICD_VENDORS"
#define ICD ".icd"

extern char **environ;

/* What may change whether a driver works. */
static const char *const variables[] = {"LD_", "OCL_", "OPENCL_", "CL_", "POCL_", "RUSTICL_", "MESA_", "CUDA_", "ROCR_", "HIP_", "ZE_"};

static int is_icd(const struct dirent *e) {
  const size_t n = strlen(e->d_name);
  return n > strlen(ICD) && strcmp(e->d_name + n - strlen(ICD), ICD) == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

int cvk_opencl_drivers_list(const char *vendors, cvk_opencl_drivers *out) {
  const char *folder = vendors != NULL ? vendors : SYSTEM_VENDORS;
  struct dirent **entry = NULL;
  const int n = scandir(folder, &entry, is_icd, by_bytes);
  int ok = 1;
  *out = (cvk_opencl_drivers){0};
  if (n <= 0) {
    free(entry);
    return 1;
  }
  out->item = calloc((size_t)n, sizeof *out->item);
  ok = out->item != NULL;
  for (int i = 0; i < n; i++) {
    if (ok && asprintf(&out->item[out->n].path, "%s/%s", folder, entry[i]->d_name) < 0) ok = 0;
    else if (ok) out->n++;
    free(entry[i]);
  }
  free(entry);
  if (!ok) cvk_opencl_drivers_free(out);
  return ok;
}

void cvk_opencl_drivers_free(cvk_opencl_drivers *d) {
  for (int32_t i = 0; i < d->n; i++) {
    free(d->item[i].path);
    free(d->item[i].text);
  }
  free(d->item);
  *d = (cvk_opencl_drivers){0};
}

int cvk_opencl_driver_is_sound(const cvk_opencl_driver *d, char *why, size_t why_bytes) {
  struct stat st;
  if (stat(d->path, &st) != 0) return 1; /* the loader passes over it */
  if (!S_ISREG(st.st_mode)) snprintf(why, why_bytes, "refused: not a regular file");
  else if (st.st_uid != 0 && st.st_uid != geteuid()) snprintf(why, why_bytes, "refused: owned by user %lu", (unsigned long)st.st_uid);
  else if (st.st_mode & S_IWOTH) snprintf(why, why_bytes, "refused: writable by everybody (mode %04o)", (unsigned)(st.st_mode & 07777));
  else return 1;
  return 0;
}

int cvk_opencl_driver_set(cvk_opencl_driver *d, int32_t result, cvk_status status, const char *text) {
  char *copy = strdup(text);
  if (copy == NULL) return 0;
  free(d->text);
  d->text = copy;
  d->result = result;
  d->status = status;
  return 1;
}

/* ---- fingerprint ---- */

static uint64_t with_text(uint64_t h, const char *text) { return XXH3_64bits_withSeed(text, strlen(text) + 1, h); }

static uint64_t with_file(uint64_t h, const char *path) {
  struct stat st;
  int64_t v[4] = {0};
  h = with_text(h, path);
  if (stat(path, &st) == 0) v[0] = st.st_size, v[1] = st.st_mtim.tv_sec, v[2] = st.st_mtim.tv_nsec, v[3] = (int64_t)st.st_ino;
  return XXH3_64bits_withSeed(v, sizeof v, h);
}

/* The library that an .icd file names: its first line. */
static int read_library(const char *icd, char *library, size_t bytes) {
  struct stat st;
  FILE *f = stat(icd, &st) == 0 && S_ISREG(st.st_mode) ? fopen(icd, "re") : NULL; /* a FIFO would block */
  const int ok = f != NULL && fgets(library, (int)bytes, f) != NULL;
  if (f != NULL) fclose(f);
  if (ok) library[strcspn(library, "\r\n")] = '\0';
  return ok;
}

uint64_t cvk_opencl_drivers_fingerprint(const char *vendors, const cvk_opencl_drivers *d) {
  char library[PATH_MAX];
  uint64_t h = with_file(with_text(0, vendors != NULL ? vendors : ""), SYSTEM_LIBRARIES);
  for (int32_t i = 0; i < d->n; i++) {
    h = with_file(h, d->item[i].path);
    if (read_library(d->item[i].path, library, sizeof library)) h = library[0] == '/' ? with_file(h, library) : with_text(h, library);
  }
  for (char **e = environ; e != NULL && *e != NULL; e++) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
      if (strncmp(*e, variables[i], strlen(variables[i])) == 0) h = with_text(h, *e);
    }
  }
  return h;
}

/* ---- what the loader is shown ---- */

static void place_of(const cvk_opencl_driver *d, const char *folder, char path[PATH_MAX]) {
  snprintf(path, PATH_MAX, "%s/%s", folder, strrchr(d->path, '/') + 1);
}

int cvk_opencl_vendors_make(const cvk_opencl_drivers *d, char folder[CVK_VENDORS_BYTES]) {
  char library[PATH_MAX], path[PATH_MAX];
  const char *parent = secure_getenv("TMPDIR");
  if (parent == NULL || parent[0] != '/') parent = "/tmp";
  if (snprintf(folder, CVK_VENDORS_BYTES, "%s/convoke-opencl-XXXXXX", parent) >= CVK_VENDORS_BYTES || mkdtemp(folder) == NULL) {
    folder[0] = '\0';
    return 0;
  }
  for (int32_t i = 0; i < d->n; i++) {
    if (d->item[i].result == CVK_PROBE_HARMFUL || !read_library(d->item[i].path, library, sizeof library)) continue;
    place_of(&d->item[i], folder, path);
    FILE *f = fopen(path, "we");
    const int ok = f != NULL && fputs(library, f) >= 0 && fputc('\n', f) >= 0;
    if ((f != NULL && fclose(f) != 0) || !ok) {
      cvk_opencl_vendors_remove(d, folder);
      folder[0] = '\0';
      return 0;
    }
  }
  return 1;
}

void cvk_opencl_vendors_remove(const cvk_opencl_drivers *d, const char *folder) {
  char path[PATH_MAX];
  for (int32_t i = 0; i < d->n; i++) {
    place_of(&d->item[i], folder, path);
    unlink(path);
  }
  rmdir(folder);
}

int cvk_opencl_filter_begin(const cvk_opencl_drivers *d, cvk_opencl_filter *saved) {
  int32_t left_out = 0;
  *saved = (cvk_opencl_filter){.folder = ""};
  for (int32_t i = 0; i < d->n; i++) left_out += d->item[i].result == CVK_PROBE_HARMFUL;
  if (left_out == 0) return 1;
  const char *before = getenv(VARIABLE);
  if (before != NULL && (saved->before = strdup(before)) == NULL) return 0;
  if (cvk_opencl_vendors_make(d, saved->folder) && setenv(VARIABLE, saved->folder, 1) == 0) return 1;
  cvk_opencl_filter_end(d, saved);
  return 0;
}

void cvk_opencl_filter_end(const cvk_opencl_drivers *d, cvk_opencl_filter *saved) {
  if (saved->folder[0] != '\0') {
    if (saved->before != NULL) setenv(VARIABLE, saved->before, 1);
    else unsetenv(VARIABLE);
    cvk_opencl_vendors_remove(d, saved->folder);
  }
  free(saved->before);
  *saved = (cvk_opencl_filter){.folder = ""};
}
