/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: see conformance.h. The plugin's table is driven directly, as the host does it, without the host between. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "op_table.h"
#include "status.h"

enum { FILL = 0xff, TAIL = 64 };
#define FINISH_LIMIT_NS ((int64_t)60 * 1000000000)

int plugin_load(plugin *p, const char *path, char *why, size_t why_bytes) {
  test_host quiet;
  cvk_plugin_result result;
  test_host_init(&quiet, NULL);
  cvk_plugin_load(path, &quiet.table, &result);
  snprintf(why, why_bytes, "%s", result.verdict);
  if (result.status != CVK_OK) return 0;
  memset(p, 0, sizeof *p);
  p->table = *result.table;
  return 1;
}

static int failed(plugin *p, const char *what, cvk_status status, char *why, size_t why_bytes) {
  snprintf(why, why_bytes, "%s: %s: %.300s", what, cvk_status_name(status), p->host->said);
  plugin_close(p);
  return 0;
}

int plugin_open(plugin *p, test_host *host, int32_t index, char *why, size_t why_bytes) {
  int32_t n = 0;
  p->host = host;
  p->inst = NULL;
  p->dev = NULL;
  p->queue = NULL;
  cvk_status status = p->table.instance_create(&host->table, &p->inst);
  if (status != CVK_OK) {
    p->inst = NULL;
    return failed(p, "instance_create", status, why, why_bytes);
  }
  status = p->table.device_count(p->inst, &n);
  if (status != CVK_OK) return failed(p, "device_count", status, why, why_bytes);
  if (index >= n) {
    snprintf(why, why_bytes, "device %d was asked for, there are %d", index, n);
    plugin_close(p);
    return 0;
  }
  p->info = (cvk_device_info){.struct_size = sizeof p->info};
  status = p->table.device_info(p->inst, index, &p->info);
  if (status != CVK_OK) return failed(p, "device_info", status, why, why_bytes);
  if (p->info.alignment == 0) p->info.alignment = 1;
  p->host_memory = p->table.buffer_alloc == NULL || (p->info.flags & CVK_DEVICE_HOST_MEMORY) != 0;
  status = p->table.device_open(p->inst, index, &p->dev);
  if (status != CVK_OK) {
    p->dev = NULL;
    return failed(p, "device_open", status, why, why_bytes);
  }
  status = p->table.queue_open ? p->table.queue_open(p->dev, 0, &p->queue) : CVK_OK;
  if (status != CVK_OK) {
    p->queue = NULL;
    return failed(p, "queue_open", status, why, why_bytes);
  }
  return 1;
}

void plugin_close(plugin *p) {
  if (p->queue) p->table.queue_close(p->queue);
  if (p->dev) p->table.device_close(p->dev);
  if (p->inst) p->table.instance_destroy(p->inst);
  p->queue = NULL;
  p->dev = NULL;
  p->inst = NULL;
}

cvk_status plugin_finish(plugin *p) { return p->queue ? p->table.queue_finish(p->queue, FINISH_LIMIT_NS) : CVK_OK; }

uint64_t plugin_tensor_bytes(plugin *p, const cvk_tensor_desc *d) {
  return d->format.layout == CVK_PRIVATE && p->table.tensor_bytes ? p->table.tensor_bytes(p->dev, d) : cvk_desc_bytes(d);
}

/* ---- places ---- */

cvk_status place_make(plugin *p, uint64_t bytes, uint64_t alignment, int where, place *out) {
  *out = (place){.arg = {.bytes = bytes}};
  if (p->host_memory) {
    if (!block_make(&out->b, bytes, alignment, where)) return CVK_NO_MEMORY;
    out->arg.buffer = out->b.data;
    return CVK_OK;
  }
  const uint64_t head = p->info.alignment > TAIL ? p->info.alignment : TAIL;
  cvk_status status = p->table.buffer_alloc(p->dev, head + bytes + TAIL, &out->buffer);
  if (status != CVK_OK) {
    out->buffer = NULL;
    return status;
  }
  out->arg.buffer = out->buffer;
  out->arg.offset_bytes = head;
  char *fill = malloc((size_t)(head + bytes + TAIL));
  if (fill == NULL) return CVK_NO_MEMORY;
  memset(fill, FILL, (size_t)(head + bytes + TAIL));
  status = p->table.buffer_write(p->queue, out->buffer, 0, head + bytes + TAIL, fill);
  if (status == CVK_OK) status = plugin_finish(p);
  free(fill);
  return status;
}

cvk_status place_write(plugin *p, place *at, const void *data) {
  if (at->arg.bytes == 0) return CVK_OK;
  if (p->host_memory) {
    memcpy(at->b.data, data, (size_t)at->arg.bytes);
    return CVK_OK;
  }
  const cvk_status status = p->table.buffer_write(p->queue, at->buffer, at->arg.offset_bytes, at->arg.bytes, data);
  return status == CVK_OK ? plugin_finish(p) : status;
}

cvk_status place_read(plugin *p, place *at, void *data) {
  if (at->arg.bytes == 0) return CVK_OK;
  if (p->host_memory) {
    memcpy(data, at->b.data, (size_t)at->arg.bytes);
    return CVK_OK;
  }
  const cvk_status status = p->table.buffer_read(p->queue, at->buffer, at->arg.offset_bytes, at->arg.bytes, data);
  return status == CVK_OK ? plugin_finish(p) : status;
}

static int is_fill(const char *p, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    if ((unsigned char)p[i] != FILL) return 0;
  }
  return 1;
}

int place_is_sound(plugin *p, place *at) {
  if (p->host_memory) return block_is_sound(&at->b);
  const uint64_t head = at->arg.offset_bytes, all = head + at->arg.bytes + TAIL;
  char *data = malloc((size_t)all);
  const int ok = data != NULL && p->table.buffer_read(p->queue, at->buffer, 0, all, data) == CVK_OK && plugin_finish(p) == CVK_OK &&
                 is_fill(data, head) && is_fill(data + head + at->arg.bytes, TAIL);
  free(data);
  return ok;
}

void place_free(plugin *p, place *at) {
  if (at->buffer) p->table.buffer_free(at->buffer);
  block_free(&at->b);
  *at = (place){0};
}

/* ---- supports ---- */

static int format_ok(const cvk_format *f) {
  if (f->layout == CVK_BLOCKED) return f->block >= 1 && f->block <= 1024;
  return f->layout >= CVK_PLAIN && f->layout <= CVK_PRIVATE && f->block == 0;
}

/* What is wrong with a candidate, or NULL. */
static const char *fault_of(const plugin *p, const cvk_op *op, const cvk_candidate *c) {
  if (c->row == NULL || c->row[0] == '\0') return "has no row";
  if (c->error_class < CVK_ERROR_DIRECT || c->error_class > CVK_ERROR_WINOGRAD) return "is of an unknown error class";
  if (!(c->estimated_ns >= 0) || isinf(c->estimated_ns)) return "has an estimate that is negative or no number";
  if (c->inplace < -1 || c->inplace >= op->n_in) return "has an inplace that is no input";
  if (c->workspace_alignment & (c->workspace_alignment - 1)) return "has a workspace alignment that is no power of two";
  for (int32_t i = 0; i < CVK_CANDIDATE_INPUTS; i++) {
    if (i < op->n_in && !format_ok(&c->in[i])) return "reads a format that makes no sense";
    if (i >= op->n_in || c->pack[i] == 0) continue;
    if (op->in[i] == NULL || op->in[i]->const_data == NULL) return "wants a pack of an input that is not constant";
    if (p->table.pack_create == NULL) return "wants a pack, and there is no pack_create";
  }
  for (int32_t i = 0; i < CVK_CANDIDATE_OUTPUTS && i < op->n_out; i++) {
    if (!format_ok(&c->out[i])) return "writes a format that makes no sense";
    if (c->out[i].layout == CVK_PRIVATE && p->table.tensor_bytes == NULL) return "writes a private layout, and there is no tensor_bytes";
  }
  return NULL;
}

int plugin_ask(plugin *p, const cvk_op *op, cvk_candidate *room, int32_t *n, char *why, size_t why_bytes) {
  cvk_candidate *list[MOST_CANDIDATES];
  for (int32_t i = 0; i < MOST_CANDIDATES; i++) {
    room[i] = (cvk_candidate){.struct_size = sizeof room[i], .inplace = -1};
    list[i] = &room[i];
  }
  *n = MOST_CANDIDATES;
  const cvk_status status = p->table.supports(p->dev, op, list, n);
  if (status == CVK_UNSUPPORTED) {
    *n = 0;
    return 1;
  }
  if (status != CVK_OK) {
    snprintf(why, why_bytes, "supports: %s: %.300s", cvk_status_name(status), p->host->said);
    return 0;
  }
  if (*n < 1 || *n > MOST_CANDIDATES) {
    snprintf(why, why_bytes, "P8: supports says that there are %d candidates, room was for %d", *n, MOST_CANDIDATES);
    return 0;
  }
  for (int32_t i = 0; i < *n; i++) {
    const char *fault = fault_of(p, op, &room[i]);
    if (fault == NULL) continue;
    snprintf(why, why_bytes, "P8: candidate %d (%.60s) %s", i, room[i].row ? room[i].row : "-", fault);
    return 0;
  }
  return 1;
}
