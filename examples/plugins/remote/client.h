/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: the plugin's side. Its objects hold ids of objects in the server; 0 is none. */
#ifndef REMOTE_CLIENT_H
#define REMOTE_CLIENT_H

#include <pthread.h>
#include <sys/types.h>

#include "protocol.h"

struct cvk_instance { /* one server process */
  const cvk_host *host;
  pid_t owner, server; /* the process that started it, and its own id */
  int fd;
  _Atomic int32_t lost;
  pthread_mutex_t lock; /* around a message and its reply, and the names */
  remote_names rows;
  char backend[32]; /* the served backend's name */
  int32_t n_devices;
  cvk_device_info info[REMOTE_MAX_DEVICES]; /* as the served backend gave them */
};

typedef struct remote_object { /* the first member of each kind below */
  cvk_instance *inst;
  int64_t id;
} remote_object;

struct cvk_backend_device {
  remote_object o;
};
struct cvk_kernel {
  remote_object o;
  int32_t n_in, n_out;
  remote_bytes message; /* room for EXECUTE */
};
struct cvk_pack {
  remote_object o;
};
struct cvk_buffer {
  remote_object o;
  cvk_backend_device *dev;
  uint64_t bytes;
};
struct cvk_queue {
  remote_object o;
  cvk_backend_device *dev;
  int32_t pending; /* something was posted since the last finish */
};

/* process.c */
cvk_status remote_start(cvk_instance *inst, const char *backend);
void remote_stop(cvk_instance *inst);

/* call.c: one message, and its reply where it is asked for. */
typedef struct remote_call {
  remote_bytes message, answer;
  remote_reader reply; /* after ask: the results */
} remote_call;

cvk_status remote_fail(const cvk_instance *inst, cvk_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *remote_make(const cvk_instance *inst, uint64_t bytes); /* NULL: no memory, said */
void remote_call_begin(remote_call *c, int32_t kind);
/* Sends and waits. On failure the server's sentence is the call's; its log lines go to the host either way. */
cvk_status remote_call_ask(remote_call *c, cvk_instance *inst, int64_t timeout_ns);
void remote_call_end(remote_call *c);
cvk_status remote_post(cvk_instance *inst, remote_bytes *message);
cvk_status remote_damaged(const cvk_instance *inst);
/* Asks for a new object, whose id is the reply, ends the call, and gives `bytes` of zeroed memory for it; NULL: *status says why. */
void *remote_create(remote_call *c, cvk_instance *inst, uint64_t bytes, cvk_status *status);
void remote_release(remote_object *o); /* the server's object and the memory */

/* ops.c */
cvk_status remote_supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n);
cvk_status remote_prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, cvk_pack *const *packs, cvk_kernel **out);
cvk_status remote_execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event);
void remote_kernel_free(cvk_kernel *kernel);
cvk_status remote_pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out);
void remote_pack_free(cvk_pack *pack);

/* buffers.c */
cvk_status remote_buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out);
void remote_buffer_free(cvk_buffer *buf);
cvk_status remote_buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src);
cvk_status remote_buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst);
cvk_status remote_buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes);
cvk_status remote_buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p);
cvk_status remote_buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p);
cvk_status remote_buffer_import(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out);
cvk_status remote_buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value);
cvk_status remote_queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out);
cvk_status remote_queue_finish(cvk_queue *q, int64_t timeout_ns);
void remote_queue_close(cvk_queue *q);

#endif
