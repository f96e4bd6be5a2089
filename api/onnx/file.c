/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: mapping of model files and of external data confined to the model's folder; file.h has the contract. */
#define _GNU_SOURCE /* O_DIRECTORY, O_NOFOLLOW */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_EXTERNAL 4096

typedef struct external {
  struct external *next;
  cvk_view bytes;
  char *location;
} external;

struct cvk_onnx_file {
  atomic_int references;
  cvk_view bytes;
  int32_t mapped;
  int32_t n_externals;
  char *folder; /* of the model; NULL: in memory */
  external *externals;
};

/* Maps the regular file behind fd; `name` is for the message. */
static cvk_status map_descriptor(int fd, const char *name, cvk_view *out) {
  struct stat st;
  if (fstat(fd, &st) != 0) return cvk_fail(CVK_IO_ERROR, "%.200s: %s", name, strerror(errno));
  if (!S_ISREG(st.st_mode)) return cvk_fail(CVK_IO_ERROR, "%.200s is not a regular file", name);
  if (st.st_size == 0) return cvk_fail(CVK_IO_ERROR, "%.200s is empty (0 bytes)", name);
  if ((uint64_t)st.st_size > SIZE_MAX)
    return cvk_fail(CVK_SIZE_OVERFLOW, "%.200s has %lld bytes, too many for this system", name, (long long)st.st_size);
  void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (p == MAP_FAILED) return cvk_fail(CVK_IO_ERROR, "%.200s: mapping %lld bytes failed: %s", name, (long long)st.st_size, strerror(errno));
  *out = (cvk_view){p, (uint64_t)st.st_size};
  return CVK_OK;
}

static void unmap(cvk_view v) {
  munmap((void *)(uintptr_t)v.data, (size_t)v.bytes);
}

cvk_status cvk_onnx_file_map(const char *path, cvk_onnx_file **out) {
  if (!path || !out) return cvk_fail(CVK_INVALID_ARGUMENT, "ONNX model: the path or the out argument is NULL");
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return cvk_fail(CVK_IO_ERROR, "%.200s: %s", path, strerror(errno));
  cvk_onnx_file *f = calloc(1, sizeof *f);
  const char *slash = strrchr(path, '/');
  const size_t folder_bytes = slash ? (size_t)(slash - path) + 1 : 0;
  if (f) f->folder = slash ? strndup(path, folder_bytes) : strdup(".");
  cvk_status s = CVK_OK;
  if (!f || !f->folder)
    s = cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for the path of %.200s", path);
  else
    s = map_descriptor(fd, path, &f->bytes);
  close(fd);
  if (s != CVK_OK) {
    if (f) free(f->folder);
    free(f);
    return s;
  }
  f->mapped = 1;
  atomic_init(&f->references, 1);
  *out = f;
  return CVK_OK;
}

cvk_status cvk_onnx_file_wrap(const void *data, uint64_t bytes, cvk_onnx_file **out) {
  if (!data || bytes == 0)
    return cvk_fail(CVK_INVALID_ARGUMENT, "ONNX model: %llu bytes at %s", (unsigned long long)bytes, data ? "the address" : "NULL");
  cvk_onnx_file *f = calloc(1, sizeof *f);
  if (!f) return cvk_fail(CVK_NO_MEMORY, "ONNX model: no memory for %zu bytes", sizeof *f);
  f->bytes = (cvk_view){data, bytes};
  atomic_init(&f->references, 1);
  *out = f;
  return CVK_OK;
}

void cvk_onnx_file_retain(cvk_onnx_file *f) {
  atomic_fetch_add(&f->references, 1);
}

void cvk_onnx_file_release(void *file) {
  cvk_onnx_file *f = file;
  if (!f || atomic_fetch_sub(&f->references, 1) != 1) return;
  if (f->mapped) unmap(f->bytes);
  for (external *e = f->externals, *next; e; e = next) {
    next = e->next;
    unmap(e->bytes);
    free(e->location);
    free(e);
  }
  free(f->folder);
  free(f);
}

int32_t cvk_onnx_file_is_mapped(const cvk_onnx_file *f) {
  return f->mapped;
}

cvk_view cvk_onnx_file_bytes(const cvk_onnx_file *f) {
  return f->bytes;
}

/* Opens folder/location one component at a time, so that no symbolic link is followed at any level. */
static cvk_status open_beneath(const char *folder, const char *location, int *out) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return cvk_fail(CVK_IO_ERROR, "the model's folder %.200s: %s", folder, strerror(errno));
  const char *at = location;
  while (fd >= 0) {
    while (*at == '/') at++;
    const size_t n = strcspn(at, "/");
    const int32_t last = at[n] == '\0';
    char part[256];
    if (n >= sizeof part || (n == 2 && memcmp(at, "..", 2) == 0)) {
      close(fd);
      return cvk_fail(CVK_INVALID_ARGUMENT, "external data '%.200s' does not lie in the model's folder", location);
    }
    memcpy(part, at, n);
    part[n] = '\0';
    const int next = openat(fd, n ? part : ".", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
    const int why = errno;
    struct stat st;
    const int32_t link = next < 0 && fstatat(fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    close(fd);
    if (link) return cvk_fail(CVK_INVALID_ARGUMENT, "external data '%.200s' passes through a symbolic link at '%s'", location, part);
    if (next < 0) return cvk_fail(CVK_IO_ERROR, "external data '%.200s' in %.200s: %s", location, folder, strerror(why));
    fd = next;
    if (last) break;
    at += n;
  }
  *out = fd;
  return CVK_OK;
}

cvk_status cvk_onnx_file_external(cvk_onnx_file *f, cvk_view location, cvk_view *out) {
  if (!f->folder)
    return cvk_fail(CVK_INVALID_ARGUMENT, "external data '%.*s': a model in memory has no folder to find it in", CVK_VIEW_TEXT(location));
  if (location.bytes == 0 || location.data[0] == '/' || memchr(location.data, '\0', location.bytes))
    return cvk_fail(CVK_INVALID_ARGUMENT, "external data '%.*s' is not a path relative to the model's folder", CVK_VIEW_TEXT(location));
  for (const external *e = f->externals; e; e = e->next)
    if (cvk_view_is(location, e->location)) {
      *out = e->bytes;
      return CVK_OK;
    }
  if (f->n_externals == MOST_EXTERNAL) return cvk_fail(CVK_UNSUPPORTED, "the model has more than %d external data files", MOST_EXTERNAL);
  external *e = calloc(1, sizeof *e);
  if (e) e->location = strndup((const char *)location.data, location.bytes);
  if (!e || !e->location) {
    free(e);
    return cvk_fail(CVK_NO_MEMORY, "external data '%.*s': no memory for its name", CVK_VIEW_TEXT(location));
  }
  int fd = -1;
  cvk_status s = open_beneath(f->folder, e->location, &fd);
  if (s == CVK_OK) {
    s = map_descriptor(fd, e->location, &e->bytes);
    close(fd);
  }
  if (s != CVK_OK) {
    free(e->location);
    free(e);
    return s;
  }
  e->next = f->externals;
  f->externals = e;
  f->n_externals++;
  *out = e->bytes;
  return CVK_OK;
}
