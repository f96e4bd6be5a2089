/* SPDX-License-Identifier: Apache-2.0 */
/* cache_file.c: see cache_file.h. */
#define _GNU_SOURCE /* mkostemp */
#include "cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *cvk_cache_file_read(const char *path, int64_t most) {
  struct stat st;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* a FIFO must not hold us */
  char *text = NULL;
  size_t at = 0;
  if (fd < 0) return NULL;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= most && (st.st_uid == geteuid() || st.st_uid == 0))
    text = malloc((size_t)st.st_size + 1);
  for (ssize_t got = 1; text && got > 0 && at < (size_t)st.st_size; at += got > 0 ? (size_t)got : 0) got = read(fd, text + at, (size_t)st.st_size - at);
  if (text) text[at] = 0;
  close(fd);
  return text;
}

static int32_t make_folders(const char *path) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s", path);
  for (char *p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
    *p = 0;
    if (mkdir(part, 0700) != 0 && errno != EEXIST) return 0;
    *p = '/';
  }
  return 1;
}

int cvk_cache_file_begin(const char *path, char temporary[PATH_MAX]) {
  if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX || !make_folders(path)) return -1;
  return mkostemp(temporary, O_CLOEXEC);
}

int32_t cvk_cache_file_end(const char *path, const char *temporary, int32_t written) {
  if (written && rename(temporary, path) == 0) return 1;
  const int why = errno;
  unlink(temporary);
  errno = why;
  return 0;
}
