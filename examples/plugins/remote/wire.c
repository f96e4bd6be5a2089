/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c: the buffer, the reader and the socket of protocol.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol.h"

static uint64_t padding(uint64_t n) {
  return (8 - n % 8) % 8;
}

/* ---- writing ---- */

void remote_reserve(remote_bytes *b, uint64_t more) {
  if (b->failed || more <= b->room - b->size) return;
  const uint64_t need = more > REMOTE_MAX_BYTES ? 0 : b->size + more, room = need < 2 * b->room ? 2 * b->room : need;
  unsigned char *grown = need ? realloc(b->data, room) : NULL;
  if (grown == NULL) {
    b->failed = 1;
    return;
  }
  b->data = grown;
  b->room = room;
}

void remote_put(remote_bytes *b, const void *p, uint64_t n) {
  if (n == 0) return;
  remote_reserve(b, n + 8);
  if (b->failed) return;
  memcpy(b->data + b->size, p, n);
  memset(b->data + b->size + n, 0, padding(n));
  b->size += n + padding(n);
}

void remote_put_int(remote_bytes *b, int64_t value) {
  remote_put(b, &value, sizeof value);
}

void remote_put_data(remote_bytes *b, const void *p, uint64_t n) {
  remote_put_int(b, (int64_t)n);
  remote_put(b, p, n);
}

void remote_put_text(remote_bytes *b, const char *text) {
  remote_put_data(b, text, strlen(text) + 1);
}

void remote_begin(remote_bytes *b, int32_t kind, cvk_status status) {
  const remote_header header = {.kind = kind, .status = status};
  b->size = 0;
  remote_put(b, &header, sizeof header);
}

void remote_free(remote_bytes *b) {
  free(b->data);
  *b = (remote_bytes){0};
}

/* ---- reading ---- */

static const void *take(remote_reader *r, uint64_t n) {
  const void *p = r->at;
  if (r->failed || n > r->left || padding(n) > r->left - n) {
    r->failed = 1;
    return NULL;
  }
  r->at += n + padding(n);
  r->left -= n + padding(n);
  return p;
}

int64_t remote_get_int(remote_reader *r, int64_t low, int64_t high) {
  int64_t value = 0;
  const void *p = take(r, sizeof value);
  if (p != NULL) memcpy(&value, p, sizeof value);
  if (value >= low && value <= high) return value;
  r->failed = 1;
  return low > 0 ? low : 0;
}

const void *remote_get_data(remote_reader *r, uint64_t *n) {
  *n = (uint64_t)remote_get_int(r, 0, INT64_MAX);
  const void *p = take(r, *n);
  if (p == NULL) *n = 0;
  return *n ? p : NULL;
}

const char *remote_get_text(remote_reader *r) {
  uint64_t n;
  const char *text = remote_get_data(r, &n);
  if (text != NULL && text[n - 1] == '\0') return text;
  r->failed = 1;
  return "";
}

void remote_copy_struct(void *to, uint32_t to_bytes, const void *from) {
  uint32_t bytes;
  memcpy(&bytes, from, sizeof bytes); /* struct_size comes first */
  if (bytes > to_bytes) bytes = to_bytes;
  memcpy(to, from, bytes);
  memcpy(to, &bytes, sizeof bytes);
}

void remote_get_struct(remote_reader *r, void *to, uint32_t bytes) {
  uint64_t n;
  uint32_t said = 0;
  const void *p = remote_get_data(r, &n);
  memset(to, 0, bytes);
  if (n >= sizeof said) memcpy(&said, p, sizeof said);
  if (said >= sizeof said && said <= n) remote_copy_struct(to, bytes, p);
  else r->failed = 1;
}

/* ---- the socket ---- */

int64_t remote_now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Called when the socket has no room or no bytes. DONE: worth another try. */
static int32_t wait_for(int fd, short what, int64_t deadline) {
  struct pollfd p = {.fd = fd, .events = what};
  const int64_t left = deadline == REMOTE_NO_DEADLINE ? 0 : deadline - remote_now_ns();
  if (left < 0) return REMOTE_LATE;
  const struct timespec limit = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
  const int n = ppoll(&p, 1, deadline == REMOTE_NO_DEADLINE ? NULL : &limit, NULL);
  return n < 0 && errno != EINTR ? REMOTE_CLOSED : REMOTE_DONE;
}

static int32_t send_all(int fd, const unsigned char *p, uint64_t n, int64_t deadline) {
  while (n > 0) {
    const ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      p += sent;
      n -= (uint64_t)sent;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      const int32_t waited = wait_for(fd, POLLOUT, deadline);
      if (waited != REMOTE_DONE) return waited;
    } else if (errno != EINTR) {
      return REMOTE_CLOSED;
    }
  }
  return REMOTE_DONE;
}

static int32_t receive_all(int fd, unsigned char *p, uint64_t n, int64_t deadline) {
  while (n > 0) {
    const ssize_t got = recv(fd, p, n, MSG_DONTWAIT);
    if (got > 0) {
      p += got;
      n -= (uint64_t)got;
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      const int32_t waited = wait_for(fd, POLLIN, deadline);
      if (waited != REMOTE_DONE) return waited;
    } else if (got == 0 || errno != EINTR) {
      return REMOTE_CLOSED;
    }
  }
  return REMOTE_DONE;
}

int32_t remote_send(int fd, remote_bytes *message, int64_t deadline) {
  const uint64_t bytes = message->size - sizeof(remote_header);
  memcpy(message->data + offsetof(remote_header, bytes), &bytes, sizeof bytes);
  return send_all(fd, message->data, message->size, deadline);
}

int32_t remote_receive(int fd, remote_header *header, remote_bytes *b, int64_t deadline) {
  int32_t result = receive_all(fd, (unsigned char *)header, sizeof *header, deadline);
  if (result == REMOTE_DONE && header->bytes > REMOTE_MAX_BYTES) result = REMOTE_CLOSED;
  if (result != REMOTE_DONE) return result;
  b->size = 0;
  b->failed = 0;
  remote_reserve(b, header->bytes);
  if (!b->failed) {
    b->size = header->bytes;
    return receive_all(fd, b->data, header->bytes, deadline);
  }
  unsigned char dropped[4096];
  for (uint64_t left = header->bytes; left > 0 && result == REMOTE_DONE;) {
    const uint64_t n = left < sizeof dropped ? left : sizeof dropped;
    result = receive_all(fd, dropped, n, deadline);
    left -= n;
  }
  b->failed = 0;
  return result == REMOTE_DONE ? REMOTE_NO_ROOM : result;
}

/* ---- names ---- */

const char *remote_intern(remote_names *list, const char *name) {
  for (int32_t i = 0; i < list->n; i++)
    if (strcmp(list->name[i], name) == 0) return list->name[i];
  char **grown = realloc(list->name, ((size_t)list->n + 1) * sizeof *grown);
  if (grown == NULL) return NULL;
  list->name = grown;
  list->name[list->n] = strdup(name);
  return list->name[list->n] != NULL ? list->name[list->n++] : NULL;
}

void remote_names_free(remote_names *list) {
  for (int32_t i = 0; i < list->n; i++) free(list->name[i]);
  free(list->name);
}
