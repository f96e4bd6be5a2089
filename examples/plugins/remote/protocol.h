/* SPDX-License-Identifier: Apache-2.0 */
/* protocol.h: what the plugin (client) and the server share: the messages, a growable buffer to write one, a reader that checks every length.
 * A message is a remote_header and `bytes` of payload. The payload is a row of items, each padded to 8 bytes: integers (int64), and data (an
 * integer for the length, then the bytes). Structs go as data, their pointers set to NULL; what a pointer stood for follows as items. */
#ifndef REMOTE_PROTOCOL_H
#define REMOTE_PROTOCOL_H

#include <convoke/plugin.h>

enum {
  REMOTE_VERSION = 1,     /* of the messages: both ends must have the same */
  REMOTE_FD = 3,          /* the server's end of the socket */
  REMOTE_MAX_ARGS = 1024, /* inputs, outputs or post-ops of one op */
  REMOTE_MAX_DEVICES = 16,
  REMOTE_MAX_CANDIDATES = 64,
  REMOTE_CHUNK = 1 << 20, /* bytes of a buffer in one message */
};
#define REMOTE_MAX_BYTES (UINT64_C(1) << 40) /* of a payload; more is nonsense */

/* The README has a table of what each carries. */
enum {
  /* asked: the client waits for a reply */
  REMOTE_HELLO, REMOTE_DEVICE_OPEN, REMOTE_SUPPORTS, REMOTE_PREPARE, REMOTE_PACK_CREATE, REMOTE_BUFFER_ALLOC, REMOTE_QUEUE_OPEN, REMOTE_QUEUE_FINISH,
  REMOTE_BUFFER_READ,
  /* posted: no reply */
  REMOTE_FREE, /* of any object */
  /* posted to a queue, whose id comes first: the first failure waits there for QUEUE_FINISH */
  REMOTE_EXECUTE, REMOTE_BUFFER_WRITE, REMOTE_BUFFER_COPY, REMOTE_BUFFER_FILL,
  REMOTE_KINDS
};

typedef struct remote_header {
  int32_t kind;
  int32_t status; /* of a reply; else 0 */
  uint64_t bytes; /* of the payload */
} remote_header;

/* ---- writing: a failure (no memory) sticks, the caller asks once at the end */

typedef struct remote_bytes {
  unsigned char *data;
  uint64_t size, room;
  int32_t failed;
} remote_bytes;

void remote_reserve(remote_bytes *b, uint64_t more);
void remote_put(remote_bytes *b, const void *p, uint64_t n); /* the bytes alone, and the padding */
void remote_put_int(remote_bytes *b, int64_t value);
void remote_put_data(remote_bytes *b, const void *p, uint64_t n);
void remote_put_text(remote_bytes *b, const char *text);
void remote_begin(remote_bytes *b, int32_t kind, cvk_status status); /* drops what is there, leaves room for the header */
void remote_free(remote_bytes *b);

/* ---- reading: past the end, or a length that cannot be, sets failed and gives zeros */

typedef struct remote_reader {
  const unsigned char *at;
  uint64_t left;
  int32_t failed;
} remote_reader;

int64_t remote_get_int(remote_reader *r, int64_t low, int64_t high);
const void *remote_get_data(remote_reader *r, uint64_t *n); /* points into the message, aligned to 8 bytes; NULL where n is 0 */
const char *remote_get_text(remote_reader *r);
void remote_get_struct(remote_reader *r, void *to, uint32_t bytes); /* a growable struct: the smaller size counts, the rest is zero */

/* Copies what both sides know of a growable struct, and its size. */
void remote_copy_struct(void *to, uint32_t to_bytes, const void *from);

/* ---- the socket. Deadlines are of CLOCK_MONOTONIC in ns. */

enum { REMOTE_DONE = 0, REMOTE_LATE, REMOTE_CLOSED, REMOTE_NO_ROOM };
#define REMOTE_NO_DEADLINE INT64_MAX

int64_t remote_now_ns(void);
int32_t remote_send(int fd, remote_bytes *message, int64_t deadline);
/* One message; the payload replaces what b has. NO_ROOM: it was read past, and b is empty. */
int32_t remote_receive(int fd, remote_header *header, remote_bytes *b, int64_t deadline);

/* ---- names that live as long as the list: kernel rows */

typedef struct remote_names {
  char **name;
  int32_t n;
} remote_names;

const char *remote_intern(remote_names *list, const char *name); /* NULL: no memory */
void remote_names_free(remote_names *list);

#endif
