/* SPDX-License-Identifier: Apache-2.0 */
/* call.c: messages to the server. One mutex covers a message and its reply. After a timeout or a closed socket the instance is lost: nothing
 * is sent any more. A child of fork() sends nothing either: the socket is its parent's. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

cvk_status remote_fail(const cvk_instance *inst, cvk_status status, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return inst->host->fail(inst->host->ctx, status, text);
}

void *remote_make(const cvk_instance *inst, uint64_t bytes) {
  void *p = inst->host->alloc(inst->host->ctx, bytes, _Alignof(max_align_t));
  if (p != NULL) memset(p, 0, bytes);
  else remote_fail(inst, CVK_NO_MEMORY, "remote: no memory for %llu bytes", (unsigned long long)bytes);
  return p;
}

cvk_status remote_damaged(const cvk_instance *inst) {
  return remote_fail(inst, CVK_INTERNAL, "remote: a reply of process %d makes no sense", (int)inst->server);
}

/* Takes the lock of an instance that may be used. */
static cvk_status enter(cvk_instance *inst, int64_t deadline) {
  const struct timespec limit = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
  if (inst->owner != getpid())
    return remote_fail(inst, CVK_AFTER_FORK, "remote: the server belongs to process %d and cannot be used after fork in process %d",
                       (int)inst->owner, (int)getpid());
  if (deadline == REMOTE_NO_DEADLINE) pthread_mutex_lock(&inst->lock);
  else if (pthread_mutex_clocklock(&inst->lock, CLOCK_MONOTONIC, &limit) != 0)
    return remote_fail(inst, CVK_TIMEOUT, "remote: process %d is busy with the request of another thread", (int)inst->server);
  if (!inst->lost) return CVK_OK;
  pthread_mutex_unlock(&inst->lock);
  return remote_fail(inst, CVK_DEVICE_LOST, "remote: process %d was lost", (int)inst->server);
}

/* A server that did not answer in time would answer the next question with it: it is ended. It is not reaped before remote_stop, so the id is
 * still its own. */
static cvk_status lose(cvk_instance *inst, int32_t result) {
  inst->lost = 1;
  shutdown(inst->fd, SHUT_RDWR);
  kill(inst->server, SIGKILL);
  if (result == REMOTE_LATE) return remote_fail(inst, CVK_TIMEOUT, "remote: process %d did not answer in time and was ended", (int)inst->server);
  if (result == REMOTE_NO_ROOM) return remote_fail(inst, CVK_NO_MEMORY, "remote: no memory for a reply of process %d", (int)inst->server);
  return remote_fail(inst, CVK_DEVICE_LOST, "remote: process %d has ended or closed its socket", (int)inst->server);
}

static cvk_status no_room(const cvk_instance *inst, const remote_bytes *message) {
  return remote_fail(inst, CVK_NO_MEMORY, "remote: no memory for a message of more than %llu bytes", (unsigned long long)message->size);
}

void remote_call_begin(remote_call *c, int32_t kind) {
  *c = (remote_call){.reply = {0}};
  remote_begin(&c->message, kind, CVK_OK);
}

void remote_call_end(remote_call *c) {
  remote_free(&c->message);
  remote_free(&c->answer);
}

/* What each reply begins with: the sentence of a failure, and the lines logged since the last reply. */
static cvk_status open_reply(remote_call *c, const cvk_instance *inst, cvk_status status) {
  const cvk_host *host = inst->host;
  remote_reader *r = &c->reply;
  *r = (remote_reader){.at = c->answer.data, .left = c->answer.size};
  const char *why = remote_get_text(r);
  const int64_t lines = remote_get_int(r, 0, INT32_MAX);
  for (int64_t i = 0; i < lines && !r->failed; i++) {
    const int32_t level = (int32_t)remote_get_int(r, INT32_MIN, INT32_MAX);
    const char *text = remote_get_text(r);
    if (!r->failed) host->log(host->ctx, level, text);
  }
  if (r->failed) return remote_damaged(inst);
  return status != CVK_OK && *why != '\0' ? host->fail(host->ctx, status, why) : status;
}

cvk_status remote_call_ask(remote_call *c, cvk_instance *inst, int64_t timeout_ns) {
  const int64_t now = remote_now_ns(), deadline = timeout_ns < 0 || timeout_ns > INT64_MAX - 1 - now ? REMOTE_NO_DEADLINE : now + timeout_ns;
  remote_header header = {0};
  if (c->message.failed) return no_room(inst, &c->message);
  cvk_status status = enter(inst, deadline);
  if (status != CVK_OK) return status;
  int32_t result = remote_send(inst->fd, &c->message, deadline);
  if (result == REMOTE_DONE) result = remote_receive(inst->fd, &header, &c->answer, deadline);
  if (result != REMOTE_DONE) status = lose(inst, result);
  pthread_mutex_unlock(&inst->lock);
  return status == CVK_OK ? open_reply(c, inst, header.status) : status;
}

cvk_status remote_post(cvk_instance *inst, remote_bytes *message) {
  if (message->failed) return no_room(inst, message);
  cvk_status status = enter(inst, REMOTE_NO_DEADLINE);
  if (status != CVK_OK) return status;
  const int32_t result = remote_send(inst->fd, message, REMOTE_NO_DEADLINE);
  if (result != REMOTE_DONE) status = lose(inst, result);
  pthread_mutex_unlock(&inst->lock);
  return status;
}

void *remote_create(remote_call *c, cvk_instance *inst, uint64_t bytes, cvk_status *status) {
  remote_object *o = remote_make(inst, bytes);
  *status = o != NULL ? remote_call_ask(c, inst, -1) : CVK_NO_MEMORY;
  if (*status == CVK_OK) *o = (remote_object){inst, remote_get_int(&c->reply, 1, INT64_MAX)};
  if (*status == CVK_OK && c->reply.failed) *status = remote_damaged(inst);
  remote_call_end(c);
  if (*status == CVK_OK) return o;
  if (o != NULL) inst->host->free(inst->host->ctx, o);
  return NULL;
}

void remote_release(remote_object *o) {
  cvk_instance *inst = o->inst;
  remote_call c;
  if (!inst->lost && inst->owner == getpid()) { /* else it went with the process, or is the parent's */
    remote_call_begin(&c, REMOTE_FREE);
    remote_put_int(&c.message, o->id);
    remote_post(inst, &c.message);
    remote_call_end(&c);
  }
  inst->host->free(inst->host->ctx, o);
}
