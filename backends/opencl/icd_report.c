/* SPDX-License-Identifier: Apache-2.0 */
/* icd_report.c: why no OpenCL device was found, in one sentence: which vendors folder was looked at, which .icd files stand in it,
 * and for each why its library does not load. Only called after the loader itself has tried them all. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "cl.h"

#define VENDORS_FOLDER "/etc/OpenCL/vendors"

typedef struct text {
  char *buf;
  size_t bytes, used;
} text;

static void add(text *t, const char *what) {
  const size_t n = strlen(what), room = t->bytes - t->used - 1;
  const size_t take = n < room ? n : room;
  memcpy(t->buf + t->used, what, take);
  t->used += take;
  t->buf[t->used] = 0;
}

static int is_icd(const char *name) {
  const size_t n = strlen(name);
  return n > 4 && strcmp(name + n - 4, ".icd") == 0;
}

/* Appends "FILE -> LIBRARY: verdict". */
static void add_icd(text *t, const char *path) {
  char library[512] = "", line[1400];
  FILE *f = fopen(path, "re");
  if (f && !fgets(library, sizeof library, f)) library[0] = 0;
  if (f) fclose(f);
  library[strcspn(library, "\r\n")] = 0;
  if (!library[0]) {
    snprintf(line, sizeof line, "; %s is empty or unreadable", path);
    add(t, line);
    return;
  }
  void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  const char *why = handle ? NULL : dlerror();
  snprintf(line, sizeof line, "; %s names %s: %s", path, library,
           handle ? "it loads but offers no device"
           : why  ? why
                  : "it does not load");
  if (handle) dlclose(handle);
  add(t, line);
}

static int add_folder(text *t, const char *folder) {
  char path[700];
  int seen = 0;
  DIR *dir = opendir(folder);
  if (!dir) return -1;
  for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (!is_icd(e->d_name)) continue;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    add_icd(t, path);
    seen++;
  }
  closedir(dir);
  return seen;
}

const char *ocl_icd_report(const cvk_host *host, char *buf, size_t bytes) {
  const char *chosen = host->option(host->ctx, "icd_vendors");
  const char *vendors = chosen && chosen[0] ? chosen : VENDORS_FOLDER;
  char line[900];
  text t = {buf, bytes, 0};
  buf[0] = 0;
  snprintf(line, sizeof line, "the OpenCL loader was found but offers no device; vendors: %s%s", vendors,
           chosen ? " (OCL_ICD_VENDORS)" : "");
  add(&t, line);
  if (is_icd(vendors)) {
    add_icd(&t, vendors);
  } else {
    const int seen = add_folder(&t, vendors);
    add(&t, seen < 0 ? "; it is not a folder that can be read" : seen == 0 ? "; no .icd file stands in it" : "");
  }
  add(&t,
      "; install a driver package (for example pocl-opencl-icd), and note that PoCL offers no device when its POCL_CACHE_DIR cannot be "
      "written");
  return buf;
}
