/* SPDX-License-Identifier: Apache-2.0 */
/* driver.c: an OpenCL driver, as far as the loader asks one for its platforms, that does ACT at PLACE instead (see meson.build). */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONSTRUCTOR, PLATFORMS };

#define VISIBLE __attribute__((visibility("default")))

static void segfault(void) { raise(SIGSEGV); }
static void leave(void) { exit(0); }
static void hang(void) {
  for (;;) nanosleep(&(const struct timespec){.tv_sec = 1000}, NULL);
}
static void nothing(void) {}
/* Bears no other of its kind in a process. */
static void clash(void) {
  static int asked;
  if (asked++ > 0) return;
  if (getenv("CLASHING_DRIVER") != NULL) segfault();
  setenv("CLASHING_DRIVER", "1", 1);
}

static void act_at(int place) {
  void (*const all[])(void) = {segfault, abort, leave, hang, nothing, clash};
  (void)all; /* each is used by one of the modules */
  if (place == PLACE) ACT();
}

__attribute__((constructor)) static void constructor(void) { act_at(CONSTRUCTOR); }

/* A platform whose table of functions is empty. */
static void *table[256];
static void *platform[16] = {table};

VISIBLE int clIcdGetPlatformIDsKHR(unsigned room, void **platforms, unsigned *n);
VISIBLE int clIcdGetPlatformIDsKHR(unsigned room, void **platforms, unsigned *n) {
  act_at(PLATFORMS);
  if (n != NULL) *n = 1;
  if (platforms != NULL && room > 0) platforms[0] = platform;
  return 0;
}

VISIBLE int clGetPlatformInfo(void *p, unsigned what, size_t room, void *value, size_t *n);
VISIBLE int clGetPlatformInfo(void *p, unsigned what, size_t room, void *value, size_t *n) {
  (void)p, (void)what;
  if (n != NULL) *n = 4;
  if (value != NULL && room >= 4) memcpy(value, "XYZ", 4);
  return 0;
}

VISIBLE void *clGetExtensionFunctionAddress(const char *name);
VISIBLE void *clGetExtensionFunctionAddress(const char *name) {
  return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? (void *)&clIcdGetPlatformIDsKHR : NULL;
}
