/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.c: see discovery.h. A file is refused unless it is regular, owned by root or the caller, and not writable by everybody: who can
 * write a plugin runs code as its user. */
#define _GNU_SOURCE
#include "discovery.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

#define PREFIX "convoke-"
#define SUFFIX ".so"
#define PROBE "convoke-probe"

/* ---- lists ---- */

/* Appends text (owned from now on, freed on failure; NULL: an allocation failed before). */
static int push_folder(cvk_discovery *d, char *text) {
  char **grown = text == NULL ? NULL : realloc(d->folder, (size_t)(d->n_folders + 1) * sizeof *grown);
  if (grown == NULL) {
    free(text);
    return 0;
  }
  d->folder = grown;
  d->folder[d->n_folders++] = text;
  return 1;
}

static int push_file(cvk_discovery *d, const char *path, const char *refused) {
  cvk_plugin_file *grown = realloc(d->file, (size_t)(d->n_files + 1) * sizeof *grown);
  if (grown == NULL) return 0;
  d->file = grown;
  cvk_plugin_file *f = &d->file[d->n_files++];
  *f = (cvk_plugin_file){.path = strdup(path), .refused = refused != NULL ? strdup(refused) : NULL};
  const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
  const size_t n = strlen(base), fixed = strlen(PREFIX) + strlen(SUFFIX);
  int ok = f->path != NULL && (refused == NULL || f->refused != NULL);
  if (n > fixed && strncmp(base, PREFIX, strlen(PREFIX)) == 0 && strcmp(base + n - strlen(SUFFIX), SUFFIX) == 0) {
    f->stem = strndup(base + strlen(PREFIX), n - fixed);
    ok = ok && f->stem != NULL;
  }
  return ok;
}

void cvk_discovery_free(cvk_discovery *d) {
  for (int32_t i = 0; i < d->n_files; i++) {
    free(d->file[i].path);
    free(d->file[i].stem);
    free(d->file[i].refused);
  }
  for (int32_t i = 0; i < d->n_folders; i++) free(d->folder[i]);
  free(d->file);
  free(d->folder);
  *d = (cvk_discovery){0};
}

/* ---- files ---- */

/* The same file may be reached on several ways (a link, a folder listed twice): it is tried once. */
static int known(const cvk_discovery *d, const char *path) {
  for (int32_t i = 0; i < d->n_files; i++)
    if (strcmp(d->file[i].path, path) == 0) return 1;
  return 0;
}

static int add_file(cvk_discovery *d, const char *path) {
  char real[PATH_MAX], why[200];
  struct stat st;
  if (realpath(path, real) == NULL || stat(real, &st) != 0) {
    snprintf(why, sizeof why, "cannot be opened: %s", strerror(errno));
    return push_file(d, path, why);
  }
  /* The name that counts is the one in the folder; a link convoke-x.so to y.so is x. */
  const char *seen = path[0] == '/' ? path : real;
  if (known(d, seen)) return 1;
  if (!S_ISREG(st.st_mode)) {
    snprintf(why, sizeof why, "refused: not a regular file");
  } else if (st.st_uid != 0 && st.st_uid != geteuid()) {
    snprintf(why, sizeof why, "refused: owned by user %lu, allowed are root and the caller (%lu)", (unsigned long)st.st_uid,
             (unsigned long)geteuid());
  } else if ((st.st_mode & S_IWOTH) != 0) {
    snprintf(why, sizeof why, "refused: writable by everybody (mode %04o)", (unsigned)(st.st_mode & 07777));
  } else {
    return push_file(d, seen, NULL);
  }
  return push_file(d, seen, why);
}

static int is_plugin_name(const struct dirent *e) {
  const size_t n = strlen(e->d_name);
  return n > strlen(PREFIX SUFFIX) && strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 &&
         strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static int is_visible(const struct dirent *e) {
  return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- folders ---- */

static int add_folder(cvk_discovery *d, const char *folder) {
  struct dirent **entry = NULL;
  char path[PATH_MAX];
  int ok = 1;
  const int n = scandir(folder, &entry, is_plugin_name, by_bytes);
  if (n < 0) return snprintf(path, sizeof path, "%s (missing)", folder) < (int)sizeof path ? push_folder(d, strdup(path)) : 1;
  ok = push_folder(d, strdup(folder));
  for (int i = 0; i < n; i++) {
    if (ok && snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name) < (int)sizeof path) ok = add_file(d, path);
    free(entry[i]);
  }
  free(entry);
  return ok;
}

/* Items that exist as folders are folders; of the rest, those with a '.so' are meant as files. What the user named and is not there has a
 * verdict of its own. */
static int add_item(cvk_discovery *d, const char *item) {
  char real[PATH_MAX];
  struct stat st;
  const size_t n = strlen(item);
  if (realpath(item, real) != NULL && stat(real, &st) == 0 && S_ISDIR(st.st_mode)) return add_folder(d, real);
  if (n > strlen(SUFFIX) && strcmp(item + n - strlen(SUFFIX), SUFFIX) == 0) return add_file(d, item);
  return add_file(d, item) && (realpath(item, real) != NULL || add_folder(d, item));
}

static int add_list(cvk_discovery *d, const char *list) {
  char item[PATH_MAX];
  while (*list != '\0') {
    const size_t n = strcspn(list, ":");
    if (n > 0 && n < sizeof item) { /* an empty item is nothing, not the working directory */
      memcpy(item, list, n);
      item[n] = '\0';
      if (!add_item(d, item)) return 0;
    }
    list += n + (list[n] == ':');
  }
  return 1;
}

/* The absolute path of the file that holds this code. dladdr's answer may be relative (the program's argv[0], a relative LD_LIBRARY_PATH)
 * to a working directory of the past; the kernel's map of this process is not. */
static int own_path(char path[PATH_MAX]) {
  Dl_info info;
  const uintptr_t here = (uintptr_t)&own_path;
  if (dladdr((const void *)here, &info) != 0 && info.dli_fname != NULL && info.dli_fname[0] == '/')
    return realpath(info.dli_fname, path) != NULL;
  FILE *maps = fopen("/proc/self/maps", "re");
  char line[PATH_MAX + 128];
  int found = 0;
  while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
    unsigned long long begin, end;
    const char *name = strchr(line, '/');
    if (name == NULL || sscanf(line, "%llx-%llx", &begin, &end) != 2 || here < begin || here >= end) continue;
    found = snprintf(path, PATH_MAX, "%.*s", (int)strcspn(name, "\n"), name) < PATH_MAX;
  }
  if (maps != NULL) fclose(maps);
  return found;
}

/* A build tree has the library in api/ and each plugin in a folder of its own under backends/. */
static int add_build_tree(cvk_discovery *d, const char *api_folder) {
  char backends[PATH_MAX], path[PATH_MAX];
  struct dirent **entry = NULL;
  int ok = 1;
  const char *base = strrchr(api_folder, '/');
  if (base == NULL || strcmp(base, "/api") != 0) return 1;
  if (snprintf(backends, sizeof backends, "%.*s/backends", (int)(base - api_folder), api_folder) >= (int)sizeof backends) return 1;
  const int n = scandir(backends, &entry, is_visible, by_bytes);
  for (int i = 0; i < n; i++) {
    struct stat st;
    if (ok && snprintf(path, sizeof path, "%s/%s", backends, entry[i]->d_name) < (int)sizeof path && stat(path, &st) == 0 &&
        S_ISDIR(st.st_mode))
      ok = add_folder(d, path);
    free(entry[i]);
  }
  free(entry);
  return ok;
}

static int add_beside_library(cvk_discovery *d) {
  char folder[PATH_MAX], path[PATH_MAX];
  if (!own_path(folder)) return 1;
  char *slash = strrchr(folder, '/');
  if (slash == NULL) return 1;
  *slash = '\0';
  if (snprintf(path, sizeof path, "%s/convoke", folder) < (int)sizeof path && !add_folder(d, path)) return 0;
  return add_build_tree(d, folder);
}

int cvk_discovery_probe(char *path) {
  char folder[PATH_MAX];
  char *slash = own_path(folder) ? strrchr(folder, '/') : NULL;
  if (slash != NULL) {
    *slash = '\0';
    if (snprintf(path, PATH_MAX, "%s/convoke/" PROBE, folder) < PATH_MAX && access(path, X_OK) == 0) return 1;
    const char *base = strrchr(folder, '/');
    if (base != NULL && strcmp(base, "/api") == 0 && snprintf(path, PATH_MAX, "%.*s/plugins/probe/" PROBE, (int)(base - folder), folder) < PATH_MAX &&
        access(path, X_OK) == 0)
      return 1;
  }
  snprintf(path, PATH_MAX, "%s", CVK_PLUGIN_DIR "/" PROBE);
  return access(path, X_OK) == 0;
}

/* Is the compiled-in folder the one beside the library, already searched? */
static int searched(const cvk_discovery *d, const char *folder) {
  for (int32_t i = 0; i < d->n_folders; i++)
    if (strcmp(d->folder[i], folder) == 0) return 1;
  return 0;
}

cvk_status cvk_discovery_run(const char *path_list, cvk_discovery *out) {
  *out = (cvk_discovery){0};
  int ok = path_list == NULL || add_list(out, path_list);
  ok = ok && add_beside_library(out);
  ok = ok && (searched(out, CVK_PLUGIN_DIR) || add_folder(out, CVK_PLUGIN_DIR));
  if (ok) return CVK_OK;
  cvk_discovery_free(out);
  return cvk_fail(CVK_NO_MEMORY, "plugins: no memory for the list of files");
}

int cvk_backend_is_wanted(const char *filter, const char *name) {
  const size_t length = strlen(name);
  if (filter == NULL || *filter == '\0') return 1;
  const int leave_out = *filter == '^';
  filter += leave_out;
  while (*filter != '\0') {
    filter += strspn(filter, ", ");
    const size_t n = strcspn(filter, ", ");
    if (n == length && strncmp(filter, name, n) == 0) return !leave_out;
    filter += n;
  }
  return leave_out;
}
