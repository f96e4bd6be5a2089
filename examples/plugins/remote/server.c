/* SPDX-License-Identifier: Apache-2.0 */
/* server.c: the program convoke-remote-server BACKEND.so, started by the plugin with a socket as REMOTE_FD. One thread: a message is read,
 * handled and, where it was asked, answered, until the socket closes. */
#define _GNU_SOURCE
#include "server.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char *backend_path; /* set by main */

cvk_status server_damaged(server *s) {
  return server_fail(s, CVK_INVALID_ARGUMENT, "remote: the server got a message that makes no sense");
}

/* ---- objects ---- */

void server_destroy(server *s, int32_t kind, void *p) {
  if (kind == OBJECT_KERNEL) server_kernel_free(s, p);
  if (kind == OBJECT_PACK) s->backend.pack_free(p);
  if (kind == OBJECT_DEVICE) s->backend.device_close(((server_device *)p)->handle);
  if (kind == OBJECT_BUFFER) free(((server_buffer *)p)->p);
  if (kind == OBJECT_BUFFER || kind == OBJECT_QUEUE || kind == OBJECT_DEVICE) free(p);
}

cvk_status server_add(server *s, int32_t kind, void *p, remote_bytes *result) {
  int64_t at = 0;
  while (at < s->n_objects && s->objects[at].kind != OBJECT_NONE) at++;
  if (at == s->n_objects) {
    const int64_t more = s->n_objects / 2 + 64;
    server_object *grown = realloc(s->objects, (size_t)(s->n_objects + more) * sizeof *grown);
    if (grown == NULL) {
      server_destroy(s, kind, p);
      return server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for object %lld", (long long)at);
    }
    memset(grown + at, 0, (size_t)more * sizeof *grown);
    s->objects = grown;
    s->n_objects += more;
  }
  s->objects[at] = (server_object){kind, p};
  remote_put_int(result, at + 1);
  return CVK_OK;
}

void *server_get(const server *s, int32_t kind, int64_t id) {
  return id >= 1 && id <= s->n_objects && s->objects[id - 1].kind == kind ? s->objects[id - 1].p : NULL;
}

void *server_take(server *s, remote_reader *r, int32_t kind) {
  void *p = server_get(s, kind, remote_get_int(r, 1, INT64_MAX));
  if (p == NULL) r->failed = 1;
  return p;
}

static cvk_status free_object(server *s, remote_reader *r, remote_bytes *result) {
  const int64_t id = remote_get_int(r, 1, s->n_objects);
  (void)result;
  if (r->failed || s->objects[id - 1].kind == OBJECT_NONE) return server_damaged(s);
  const server_object o = s->objects[id - 1];
  s->objects[id - 1] = (server_object){OBJECT_NONE, NULL};
  server_destroy(s, o.kind, o.p);
  return CVK_OK;
}

/* ---- the served backend ---- */

static int32_t is_whole(const cvk_backend *b) {
  void (*f)(void);
  for (size_t at = offsetof(cvk_backend, instance_create); at < offsetof(cvk_backend, pack_create); at += sizeof f) {
    memcpy(&f, (const char *)b + at, sizeof f);
    if (f == NULL) return 0;
  }
  return b->name != NULL;
}

static cvk_status load(server *s) {
  const cvk_backend *table = NULL;
  cvk_status (*entry)(const cvk_host *host, const cvk_backend **out);
  void *library = dlopen(backend_path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == NULL) return server_fail(s, CVK_IO_ERROR, "remote: the backend cannot be opened: %s", dlerror());
  void *symbol = dlsym(library, "convoke_plugin_entry_0");
  if (symbol == NULL) return server_fail(s, CVK_UNSUPPORTED, "remote: %s is no plugin of ABI %d", backend_path, CVK_ABI_MAJOR);
  memcpy(&entry, &symbol, sizeof entry); /* POSIX: a function's address through an object pointer */
  const cvk_status status = entry(&s->host.table, &table);
  if (status != CVK_OK) return status;
  if (table == NULL || table->abi_major != CVK_ABI_MAJOR || table->struct_size < offsetof(cvk_backend, pack_create))
    return server_fail(s, CVK_UNSUPPORTED, "remote: %s has no table of ABI %d", backend_path, CVK_ABI_MAJOR);
  remote_copy_struct(&s->backend, sizeof s->backend, table);
  if (!is_whole(&s->backend)) return server_fail(s, CVK_INVALID_ARGUMENT, "remote: %s lacks a required function", backend_path);
  return s->backend.instance_create(&s->host.table, &s->inst);
}

/* Devices whose buffers are host pointers are offered: the memory of this process is that host's. */
static cvk_status put_devices(server *s, remote_bytes *result) {
  cvk_device_info info[REMOTE_MAX_DEVICES];
  int32_t n = 0;
  const cvk_status status = s->backend.device_count(s->inst, &n);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < n && s->n_devices < REMOTE_MAX_DEVICES; i++) {
    cvk_device_info *d = &info[s->n_devices];
    *d = (cvk_device_info){.struct_size = sizeof *d};
    if (s->backend.device_info(s->inst, i, d) != CVK_OK) continue;
    if (s->backend.buffer_alloc == NULL || (d->flags & CVK_DEVICE_HOST_MEMORY)) s->device[s->n_devices++] = i;
  }
  if (s->n_devices == 0)
    return server_fail(s, CVK_NO_DEVICE, "remote: none of the %d devices of %s works in host memory", (int)n, s->backend.name);
  remote_put_text(result, s->backend.name);
  remote_put_int(result, s->n_devices);
  for (int32_t i = 0; i < s->n_devices; i++) {
    info[i].struct_size = sizeof info[i];
    remote_put_data(result, &info[i], sizeof info[i]);
  }
  return CVK_OK;
}

static cvk_status hello(server *s, remote_reader *r, remote_bytes *result) {
  const int64_t about[] = {REMOTE_VERSION, CVK_ABI_MAJOR, CVK_ABI_MINOR, sizeof(cvk_op), sizeof(cvk_tensor_desc), sizeof(cvk_post_op),
                           sizeof(cvk_candidate), sizeof(cvk_device_info)};
  uint64_t n;
  const void *theirs = remote_get_data(r, &n);
  if (n != sizeof about || memcmp(theirs, about, n) != 0)
    return server_fail(s, CVK_UNSUPPORTED, "remote: the plugin and the server were not built from the same files");
  if (s->inst != NULL) return server_damaged(s);
  const cvk_status status = load(s);
  return status == CVK_OK ? put_devices(s, result) : status;
}

static cvk_status device_open(server *s, remote_reader *r, remote_bytes *result) {
  cvk_device_info info = {.struct_size = sizeof info};
  const int64_t index = remote_get_int(r, 0, s->n_devices - 1);
  if (r->failed) return server_damaged(s);
  server_device *dev = calloc(1, sizeof *dev);
  if (dev == NULL) return server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for a device");
  cvk_status status = s->backend.device_info(s->inst, s->device[index], &info);
  dev->alignment = info.alignment > 64 ? info.alignment : 64;
  if (status == CVK_OK) status = s->backend.device_open(s->inst, s->device[index], &dev->handle);
  if (status == CVK_OK) return server_add(s, OBJECT_DEVICE, dev, result);
  free(dev);
  return status;
}

/* ---- messages ---- */

static const server_handler handlers[REMOTE_KINDS] = {
    [REMOTE_HELLO] = hello,
    [REMOTE_DEVICE_OPEN] = device_open,
    [REMOTE_SUPPORTS] = server_supports,
    [REMOTE_PREPARE] = server_prepare,
    [REMOTE_PACK_CREATE] = server_pack_create,
    [REMOTE_BUFFER_ALLOC] = server_buffer_alloc,
    [REMOTE_QUEUE_OPEN] = server_queue_open,
    [REMOTE_QUEUE_FINISH] = server_queue_finish,
    [REMOTE_BUFFER_READ] = server_buffer_read,
    [REMOTE_FREE] = free_object,
    [REMOTE_EXECUTE] = server_execute,
    [REMOTE_BUFFER_WRITE] = server_buffer_write,
    [REMOTE_BUFFER_COPY] = server_buffer_copy,
    [REMOTE_BUFFER_FILL] = server_buffer_fill,
};

/* A posted command. After a failure the queue runs nothing until the client has heard of it. */
static void run_queued(server *s, server_handler handler, remote_reader *r) {
  server_queue *q = server_take(s, r, OBJECT_QUEUE);
  if (q == NULL || q->status != CVK_OK) return;
  q->status = handler(s, r, NULL);
  if (q->status != CVK_OK) memcpy(q->why, s->host.why, sizeof q->why);
  s->host.why[0] = '\0';
}

static int32_t answer(server *s, cvk_status status, const remote_header *asked, remote_bytes *reply, const remote_bytes *result) {
  server_host *h = &s->host;
  remote_begin(reply, asked->kind, status);
  remote_put_text(reply, h->why);
  remote_put_int(reply, h->n_lines);
  remote_put(reply, h->lines.data, h->lines.size);
  if (status == CVK_OK) remote_put(reply, result->data, result->size);
  server_host_clear(h);
  return reply->failed || result->failed ? REMOTE_CLOSED : remote_send(REMOTE_FD, reply, REMOTE_NO_DEADLINE);
}

/* One message; anything but REMOTE_DONE ends the loop. */
static int32_t serve(server *s, remote_bytes *message, remote_bytes *result, remote_bytes *reply) {
  remote_header header;
  cvk_status status;
  const int32_t received = remote_receive(REMOTE_FD, &header, message, REMOTE_NO_DEADLINE);
  if (received != REMOTE_DONE && received != REMOTE_NO_ROOM) return received;
  if (header.kind < 0 || header.kind >= REMOTE_KINDS || (header.kind != REMOTE_HELLO && s->inst == NULL)) return REMOTE_CLOSED;
  remote_reader r = {.at = message->data, .left = message->size};
  result->size = 0;
  if (received == REMOTE_NO_ROOM)
    status = server_fail(s, CVK_NO_MEMORY, "remote: the server has no memory for a message of %llu bytes", (unsigned long long)header.bytes);
  else if (header.kind >= REMOTE_EXECUTE) {
    run_queued(s, handlers[header.kind], &r);
    return REMOTE_DONE;
  } else
    status = handlers[header.kind](s, &r, result);
  if (message->room > 4 * REMOTE_CHUNK) remote_free(message); /* it held constants */
  if (header.kind < REMOTE_FREE) return answer(s, status, &header, reply, result);
  return received; /* a posted message that could not be read would be missed: the end */
}

int main(int argc, char **argv) {
  static server s; /* zero */
  remote_bytes message = {0}, result = {0}, reply = {0};
  if (argc != 2) return 2;
  backend_path = argv[1];
  server_host_init(&s.host);
  while (serve(&s, &message, &result, &reply) == REMOTE_DONE) continue;
  for (int32_t kind = OBJECT_KERNEL; kind < OBJECT_KINDS; kind++)
    for (int64_t i = 0; i < s.n_objects; i++)
      if (s.objects[i].kind == kind) server_destroy(&s, kind, s.objects[i].p);
  if (s.inst != NULL) s.backend.instance_destroy(s.inst);
  remote_names_free(&s.rows);
  free(s.objects);
  remote_free(&message);
  remote_free(&result);
  remote_free(&reply);
  server_host_free(&s.host);
  return 0;
}
