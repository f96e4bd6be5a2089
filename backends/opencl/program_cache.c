/* SPDX-License-Identifier: Apache-2.0 */
/* program_cache.c: compiled programs on disk. File: header, identity text, binary. The header has a magic, both lengths, the key and a
 * checksum of all that follows; the identity (platform, device, driver, our version) must also be the same text. Files are written under a
 * temporary name and renamed, so any number of processes may fill the cache at once. */
#define _GNU_SOURCE /* mkostemp */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "program.h"

#define PATH_BYTES 1024
#define MAX_BINARY (256u << 20)

typedef struct cache_header {
  char magic[8];
  uint64_t key_low, key_high;
  uint64_t identity_bytes, binary_bytes;
  uint64_t checksum; /* of identity and binary */
} cache_header;

static const char magic[8] = {'C', 'V', 'K', 'C', 'L', 'B', '0', '1'};

static XXH128_hash_t program_key(const cvk_backend_device *dev, const ocl_program *p) {
  const char *parts[] = {p->source->name, p->source->text, p->options, dev->identity};
  XXH128_hash_t key = {0, 0};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const XXH128_hash_t part = XXH3_128bits_withSeed(parts[i], strlen(parts[i]), key.low64);
    key.low64 = part.low64 + 31 * key.low64;
    key.high64 = part.high64 ^ (key.high64 << 7 | key.high64 >> 57);
  }
  return key;
}

/* The folder, or NULL: no cache. */
static const char *cache_folder(const cvk_backend_device *dev) {
  const char *folder = dev->host->option(dev->host->ctx, "cache_dir");
  return folder && folder[0] && strlen(folder) < PATH_BYTES - 128 ? folder : NULL;
}

static void entry_path(char path[PATH_BYTES], const char *folder, XXH128_hash_t key, const char *suffix) {
  snprintf(path, PATH_BYTES, "%s/opencl-%016llx%016llx.bin%s", folder, (unsigned long long)key.high64, (unsigned long long)key.low64,
           suffix);
}

static int32_t read_all(int fd, void *dst, uint64_t bytes) {
  char *p = dst;
  while (bytes) {
    const ssize_t n = read(fd, p, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    p += n;
    bytes -= (uint64_t)n;
  }
  return 1;
}

static int32_t write_all(int fd, const void *src, uint64_t bytes) {
  const char *p = src;
  while (bytes) {
    const ssize_t n = write(fd, p, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    p += n;
    bytes -= (uint64_t)n;
  }
  return 1;
}

static uint64_t body_checksum(const void *identity, uint64_t identity_bytes, const void *binary, uint64_t binary_bytes) {
  return XXH3_64bits_withSeed(binary, binary_bytes, XXH3_64bits(identity, identity_bytes));
}

/* Reads and checks an entry. NULL: none, with *why set unless the file is simply not there. The body is identity then binary. */
static unsigned char *read_entry(cvk_backend_device *dev, const char *path, XXH128_hash_t key, cache_header *h, const char **why) {
  const cvk_host *host = dev->host;
  unsigned char *body = NULL;
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  *why = NULL;
  if (fd < 0) return NULL;
  *why = "is not a file of this user";
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0)) goto done;
  *why = "is damaged";
  if (!read_all(fd, h, sizeof *h) || memcmp(h->magic, magic, sizeof magic) != 0 || h->key_low != key.low64 || h->key_high != key.high64)
    goto done;
  if (h->binary_bytes == 0 || h->binary_bytes > MAX_BINARY || h->identity_bytes >= sizeof dev->identity ||
      (uint64_t)st.st_size != sizeof *h + h->identity_bytes + h->binary_bytes)
    goto done;
  body = host->alloc(host->ctx, h->identity_bytes + h->binary_bytes, 16);
  if (!body) goto done;
  *why = NULL;
  if (!read_all(fd, body, h->identity_bytes + h->binary_bytes) ||
      body_checksum(body, h->identity_bytes, body + h->identity_bytes, h->binary_bytes) != h->checksum)
    *why = "is damaged";
  else if (h->identity_bytes != strlen(dev->identity) || memcmp(body, dev->identity, h->identity_bytes) != 0)
    *why = "is of another driver";
  if (*why) {
    host->free(host->ctx, body);
    body = NULL;
  }
done:
  close(fd);
  return body;
}

int32_t ocl_cache_load(cvk_backend_device *dev, const ocl_program *p, cl_program *out) {
  const char *folder = cache_folder(dev), *why;
  if (!folder) return 0;
  char path[PATH_BYTES];
  cache_header h;
  const XXH128_hash_t key = program_key(dev, p);
  entry_path(path, folder, key, "");
  unsigned char *body = read_entry(dev, path, key, &h, &why);
  cl_program program = NULL;
  if (body) {
    const unsigned char *binary = body + h.identity_bytes;
    const size_t bytes = h.binary_bytes;
    cl_int state = CL_SUCCESS, error;
    program = clCreateProgramWithBinary(dev->context, 1, &dev->id, &bytes, &binary, &state, &error);
    if (error == CL_SUCCESS && state == CL_SUCCESS) error = clBuildProgram(program, 1, &dev->id, p->options, NULL, NULL);
    if (error != CL_SUCCESS || state != CL_SUCCESS) {
      if (program) clReleaseProgram(program);
      program = NULL;
      why = "was refused by the driver";
    }
    dev->host->free(dev->host->ctx, body);
  }
  if (why) {
    ocl_log(dev->host, CVK_LOG_WARNING, "%s: cached program %s %s: building %s.cl from source", dev->label, path, why, p->source->name);
    unlink(path);
  }
  if (!program) return 0;
  ocl_log(dev->host, CVK_LOG_INFO, "%s: %s.cl came from the cache", dev->label, p->source->name);
  *out = program;
  return 1;
}

/* Makes the folder and its parents. */
static int32_t make_folder(const char *folder) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s", folder);
  for (char *p = path + 1; *p; p++) {
    if (*p != '/') continue;
    *p = 0;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return 0;
    *p = '/';
  }
  return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static int32_t write_entry(const char *folder, XXH128_hash_t key, const cache_header *h, const char *identity,
                           const unsigned char *binary) {
  char temporary[PATH_BYTES], path[PATH_BYTES];
  entry_path(temporary, folder, key, ".XXXXXX");
  entry_path(path, folder, key, "");
  const int fd = mkostemp(temporary, O_CLOEXEC);
  if (fd < 0) return 0;
  int32_t ok = write_all(fd, h, sizeof *h) && write_all(fd, identity, h->identity_bytes) && write_all(fd, binary, h->binary_bytes);
  if (close(fd) != 0) ok = 0;
  if (ok && rename(temporary, path) == 0) return 1;
  unlink(temporary);
  return 0;
}

int32_t ocl_cache_store(cvk_backend_device *dev, const ocl_program *p) {
  const cvk_host *host = dev->host;
  const char *folder = cache_folder(dev);
  const int64_t start = ocl_now_ns();
  size_t bytes = 0;
  if (!folder || atomic_load(&dev->shared->cache_refused)) return 0;
  if (clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0 || bytes > MAX_BINARY)
    return 0;
  unsigned char *binary = host->alloc(host->ctx, bytes, 16);
  if (!binary) return 0;
  int32_t ok = clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS;
  if (ok) {
    const XXH128_hash_t key = program_key(dev, p);
    cache_header h = {.key_low = key.low64, .key_high = key.high64, .identity_bytes = strlen(dev->identity), .binary_bytes = bytes};
    memcpy(h.magic, magic, sizeof magic);
    h.checksum = body_checksum(dev->identity, h.identity_bytes, binary, bytes);
    ok = make_folder(folder) && write_entry(folder, key, &h, dev->identity, binary);
    if (!ok && !atomic_exchange(&dev->shared->cache_refused, 1))
      ocl_log(host, CVK_LOG_WARNING, "%s: the program cache %s cannot be written (%s): programs are built in each process", dev->label,
              folder, strerror(errno));
  }
  if (ok)
    ocl_log(host, CVK_LOG_INFO, "%s: saved %s.cl (%zu bytes) in %.0f ms", dev->label, p->source->name, bytes,
            (double)(ocl_now_ns() - start) * 1e-6);
  host->free(host->ctx, binary);
  return ok;
}
