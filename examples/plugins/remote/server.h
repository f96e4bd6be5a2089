/* SPDX-License-Identifier: Apache-2.0 */
/* server.h: the process that serves another backend. It owns every object; the client knows them by id, the place in one table plus 1. */
#ifndef REMOTE_SERVER_H
#define REMOTE_SERVER_H

#include <pthread.h>

#include "protocol.h"

/* In the order in which they are freed at the end. */
enum { OBJECT_NONE, OBJECT_KERNEL, OBJECT_PACK, OBJECT_BUFFER, OBJECT_QUEUE, OBJECT_DEVICE, OBJECT_KINDS };

typedef struct server_object {
  int32_t kind;
  void *p;
} server_object;

typedef struct server_host { /* what the served backend says, kept for the next reply */
  cvk_host table;
  pthread_mutex_t lock;
  char why[512];
  remote_bytes lines; /* of the log: level and text */
  int32_t n_lines;
} server_host;

typedef struct server {
  server_host host;
  cvk_backend backend; /* a copy; what its struct_size does not cover is NULL */
  cvk_instance *inst;
  int32_t n_devices, device[REMOTE_MAX_DEVICES]; /* the backend's indices of those offered */
  remote_names rows;
  server_object *objects;
  int64_t n_objects;
} server;

typedef struct server_device {
  cvk_backend_device *handle;
  uint64_t alignment; /* of its buffers */
} server_device;
typedef struct server_buffer {
  unsigned char *p;
  uint64_t bytes;
} server_buffer;
typedef struct server_queue { /* the first failure of what was posted to it */
  cvk_status status;
  char why[512];
} server_queue;

typedef cvk_status (*server_handler)(server *s, remote_reader *r, remote_bytes *result);

/* server_host.c */
void server_host_init(server_host *h);
void server_host_clear(server_host *h); /* what was kept */
void server_host_free(server_host *h);
cvk_status server_fail(server *s, cvk_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *server_alloc(uint64_t bytes, uint64_t alignment);

/* server.c */
cvk_status server_damaged(server *s);
cvk_status server_add(server *s, int32_t kind, void *p, remote_bytes *result); /* frees p where there is no room; else writes its id */
void *server_get(const server *s, int32_t kind, int64_t id);
void *server_take(server *s, remote_reader *r, int32_t kind); /* reads an id; a wrong one counts as damage */
void server_destroy(server *s, int32_t kind, void *p);

/* server_ops.c */
cvk_status server_supports(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_pack_create(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_prepare(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_execute(server *s, remote_reader *r, remote_bytes *result);
void server_kernel_free(server *s, void *kernel);

/* server_buffers.c */
cvk_status server_buffer_alloc(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_buffer_read(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_buffer_write(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_buffer_copy(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_buffer_fill(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_queue_open(server *s, remote_reader *r, remote_bytes *result);
cvk_status server_queue_finish(server *s, remote_reader *r, remote_bytes *result);

#endif
