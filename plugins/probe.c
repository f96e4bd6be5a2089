/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c: see probe.h. */
#define _GNU_SOURCE
#include "probe.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe_run.h"
#include "status.h"

enum { SECONDS = 10, SECONDS_OPENCL = 30 /* a driver compiles */ };

static int is_open(const char *library) {
  void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  if (handle != NULL) dlclose(handle);
  return handle != NULL;
}

static void CVK_PRINTF(2, 3) say(cvk_probe_verdict *v, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(v->text, sizeof v->text, fmt, args);
  va_end(args);
}

static void refuse(cvk_probe_verdict *v, cvk_status status, const char *text) {
  v->result = CVK_PROBE_HARMFUL;
  v->status = status;
  say(v, "refused after a trial: %.1100s", text);
}

static void take(cvk_probe_verdict *v, const cvk_probe_answer *a) {
  if (a->result == CVK_PROBE_HARMFUL) {
    refuse(v, a->status, a->text);
    return;
  }
  v->result = a->result;
  v->status = a->status;
  say(v, "%s", a->text);
}

/* 0: nothing could be started. */
static int run(const char *plugin, const cvk_probe_request *q, int32_t opencl, const char *mode, const char *vendors, cvk_probe_answer *a) {
  return cvk_probe_run(q->program, opencl ? SECONDS_OPENCL : SECONDS, mode, plugin, q->settings, vendors, a);
}

/* The drivers that are not HARMFUL, together. */
static int run_survivors(const char *plugin, const cvk_probe_request *q, const cvk_opencl_drivers *d, cvk_probe_answer *a) {
  char folder[CVK_VENDORS_BYTES];
  if (!cvk_opencl_vendors_make(d, folder)) return 0;
  const int started = run(plugin, q, 1, CVK_PROBE_MODE_RUN, folder, a);
  cvk_opencl_vendors_remove(d, folder);
  return started;
}

static int set_driver(cvk_opencl_driver *d, const cvk_probe_answer *a) {
  return cvk_opencl_driver_set(d, a->result, a->status, a->text[0] ? a->text : "works");
}

/* Drivers that each work alone and fail together: one is added after the other, and goes again where the trial fails. */
static int find_clash(const char *plugin, const cvk_probe_request *q, cvk_opencl_drivers *d) {
  char text[CVK_PROBE_TEXT];
  cvk_opencl_drivers first = {.item = d->item};
  cvk_probe_answer a;
  int ok = 1;
  for (int32_t i = 0, others = 0; i < d->n && ok; i++) {
    cvk_opencl_driver *one = &d->item[i];
    first.n = i + 1;
    if (one->result == CVK_PROBE_HARMFUL || others++ == 0 || !run_survivors(plugin, q, &first, &a) || a.result != CVK_PROBE_HARMFUL) continue;
    snprintf(text, sizeof text, "works alone; together with those before it: %.1100s", a.text);
    ok = cvk_opencl_driver_set(one, CVK_PROBE_HARMFUL, a.status, text);
  }
  return ok;
}

static int try_drivers(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *v) {
  cvk_opencl_drivers *d = &v->drivers;
  cvk_probe_answer a;
  int32_t left = d->n;
  for (int32_t i = 0; i < d->n; i++) {
    a = (cvk_probe_answer){.result = CVK_PROBE_HARMFUL, .status = CVK_IO_ERROR};
    if (cvk_opencl_driver_is_sound(&d->item[i], a.text, sizeof a.text) && !run(plugin, q, 1, CVK_PROBE_MODE_RUN, d->item[i].path, &a)) {
      v->incomplete = 1;
      continue;
    }
    if (!set_driver(&d->item[i], &a)) return 0;
    left -= a.result == CVK_PROBE_HARMFUL;
  }
  if (left == 0) {
    refuse(v, CVK_NO_DEVICE, "no driver behind it survived");
  } else if (left == 1) {
    v->result = CVK_PROBE_GOOD;
  } else if (!run_survivors(plugin, q, d, &a)) {
    v->incomplete = 1;
  } else if (a.result == CVK_PROBE_HARMFUL) {
    return find_clash(plugin, q, d);
  } else {
    take(v, &a);
  }
  return 1;
}

/* The drivers' fate is the plugin's where they cannot be told apart. */
static int try_opencl(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *v) {
  cvk_probe_answer a;
  v->opencl = 1;
  if (is_open("libOpenCL.so.1")) {
    say(v, "its drivers were not tried: this program uses OpenCL already");
    v->incomplete = 1;
    return 1;
  }
  if (!cvk_opencl_drivers_list(q->vendors, &v->drivers)) return 0;
  if (q->may_filter && v->drivers.n > 0) return try_drivers(plugin, q, v);
  cvk_opencl_drivers_free(&v->drivers);
  if (run(plugin, q, 1, CVK_PROBE_MODE_RUN, NULL, &a)) take(v, &a);
  else v->incomplete = 1;
  return 1;
}

cvk_status cvk_probe(const char *plugin, const cvk_probe_request *q, cvk_probe_verdict *out) {
  cvk_probe_answer a;
  *out = (cvk_probe_verdict){.result = CVK_PROBE_GOOD};
  if (q->mode == CVK_PROBE_OFF || q->program == NULL || is_open(plugin)) return CVK_OK;
  if (q->mode == CVK_PROBE_ON && cvk_probe_cache_load(plugin, q, out)) return CVK_OK;
  if (!run(plugin, q, 0, CVK_PROBE_MODE_LOAD, NULL, &a)) return CVK_OK;
  take(out, &a);
  if (a.result == CVK_PROBE_GOOD && a.opencl && !try_opencl(plugin, q, out)) {
    cvk_probe_verdict_free(out);
    return cvk_fail(CVK_NO_MEMORY, "plugins: no memory for the drivers behind %s", plugin);
  }
  cvk_probe_cache_save(plugin, q, out);
  return CVK_OK;
}

void cvk_probe_verdict_free(cvk_probe_verdict *v) {
  cvk_opencl_drivers_free(&v->drivers);
  *v = (cvk_probe_verdict){.result = CVK_PROBE_GOOD};
}
