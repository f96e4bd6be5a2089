/* SPDX-License-Identifier: Apache-2.0 */
/* hostile.c: a plugin that does ACT at PLACE (see meson.build): what must not harm the program that looks for plugins. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../modules/base.h"

static void segfault(void) { raise(SIGSEGV); }
static void leave(void) { exit(0); }
static void hang(void) {
  for (;;) nanosleep(&(const struct timespec){.tv_sec = 1000}, NULL);
}
static void print(void) {
  if (write(STDOUT_FILENO, "hello\n", 6) != 6) abort();
}
static void fork_bomb(void) {
  for (;;) fork();
}
static void *sleep_on(void *arg) {
  hang();
  return arg;
}
static void thread(void) {
  pthread_t t;
  pthread_create(&t, NULL, sleep_on, NULL);
}
/* A process that leaves group and session and outlives its parents. */
static void daemonise(void) {
  if (fork() != 0) {
    wait(NULL);
    return;
  }
  setsid();
  if (fork() == 0) hang();
  _exit(0);
}
/* What a probe might say that found nothing wrong, on every file that it may have open. */
static void forge(void) {
  for (int fd = 3; fd < 1024; fd++) {
    if (write(fd, "=0000000000000000 0 0 0 loaded\n0 0 0 loaded\n", 44) == 44) continue;
  }
  _exit(0);
}
static void nothing(void) {}

enum { CONSTRUCTOR, ENTRY, INSTANCE_CREATE, DEVICE_COUNT, DEVICE_OPEN, SUPPORTS, PREPARE, EXECUTE, INSTANCE_DESTROY, AT_EXIT };

static void act_at(int place) {
  void (*const all[])(void) = {segfault, abort, leave, hang, print, fork_bomb, thread, daemonise, forge, nothing};
  (void)all; /* each is used by one of the modules */
  if (place == PLACE) ACT();
}

__attribute__((constructor)) static void constructor(void) { act_at(CONSTRUCTOR); }
__attribute__((destructor)) static void at_exit(void) { act_at(AT_EXIT); }

static cvk_status create(const cvk_host *host, cvk_instance **out) {
  act_at(INSTANCE_CREATE);
  return base_instance_create(host, out);
}
static void destroy(cvk_instance *inst) {
  act_at(INSTANCE_DESTROY);
  base_instance_destroy(inst);
}
static cvk_status count(cvk_instance *inst, int32_t *n) {
  act_at(DEVICE_COUNT);
  return base_device_count(inst, n);
}
static cvk_status open_device(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  act_at(DEVICE_OPEN);
  return base_device_open(inst, index, out);
}
static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  act_at(SUPPORTS);
  return base_supports(dev, op, candidates, n);
}
static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  act_at(PREPARE);
  return base_prepare(dev, op, candidate, packs, out);
}
static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait_list,
                          int32_t n_wait, cvk_event **event) {
  act_at(EXECUTE);
  return base_execute(kernel, queue, in, out, workspace, wait_list, n_wait, event);
}

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  static cvk_backend table = BASE_TABLE;
  (void)host;
  act_at(ENTRY);
  table.instance_create = create;
  table.instance_destroy = destroy;
  table.device_count = count;
  table.device_open = open_device;
  table.supports = supports;
  table.prepare = prepare;
  table.execute = execute;
  *out = &table;
  return CVK_OK;
}
