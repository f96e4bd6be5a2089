/* SPDX-License-Identifier: Apache-2.0 */
/* table_check.c: is the table that a plugin handed over whole? Reads nothing beyond its struct_size, calls nothing. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "loader.h"

#define MAX_TABLE_BYTES (1u << 16) /* above: nonsense, not a newer minor */
#define MIN_TABLE_BYTES ((uint32_t)offsetof(cvk_backend, pack_create))
#define MAX_NAME 31

typedef struct function {
  const char *name;
  size_t offset;
} function;

#define FUNCTION(F) \
  { #F, offsetof(cvk_backend, F) }

static const function required[] = {
    FUNCTION(instance_create), FUNCTION(instance_destroy), FUNCTION(device_count), FUNCTION(device_info), FUNCTION(device_open),
    FUNCTION(device_close),    FUNCTION(supports),         FUNCTION(prepare),      FUNCTION(execute),     FUNCTION(kernel_free),
};
static const function packs[] = {FUNCTION(pack_create), FUNCTION(pack_free)};
static const function buffers[] = {
    FUNCTION(buffer_alloc), FUNCTION(buffer_free),  FUNCTION(buffer_write),  FUNCTION(buffer_read), FUNCTION(buffer_copy),
    FUNCTION(buffer_map),   FUNCTION(buffer_unmap), FUNCTION(buffer_import), FUNCTION(buffer_fill),
};
static const function queues[] = {FUNCTION(queue_open), FUNCTION(queue_finish), FUNCTION(queue_close)};
static const function events[] = {FUNCTION(event_wait), FUNCTION(event_time), FUNCTION(event_free)};

static const struct {
  const char *name;
  const function *function;
  size_t n;
} groups[] = {
    {"packs", packs, sizeof packs / sizeof *packs},
    {"buffers", buffers, sizeof buffers / sizeof *buffers},
    {"queues", queues, sizeof queues / sizeof *queues},
    {"events", events, sizeof events / sizeof *events},
};

static int present(const cvk_backend *table, const function *f) {
  void (*p)(void);
  memcpy(&p, (const char *)table + f->offset, sizeof p);
  return p != NULL;
}

/* Lower-case letters, digits, '_' and '-', a letter first: it stands in device ids, file names and settings. */
static int name_ok(const char *name) {
  const size_t n = name == NULL ? 0 : strnlen(name, MAX_NAME + 1);
  if (n == 0 || n > MAX_NAME || name[0] < 'a' || name[0] > 'z') return 0;
  return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n && strcmp(name, "auto") != 0 && strcmp(name, "reference") != 0;
}

static cvk_status refuse(char *why, const char *fmt, const char *a, const char *b) {
  snprintf(why, CVK_VERDICT_BYTES, fmt, a, b);
  return CVK_INVALID_ARGUMENT;
}

static cvk_status check_header(const cvk_backend *from, char *why) {
  const uint32_t size = from->struct_size;
  if (size < MIN_TABLE_BYTES || size > MAX_TABLE_BYTES || size % sizeof(void *) != 0) {
    snprintf(why, CVK_VERDICT_BYTES, "refused: the table's struct_size is %u, allowed are multiples of %zu from %u to %u", (unsigned)size,
             sizeof(void *), (unsigned)MIN_TABLE_BYTES, (unsigned)MAX_TABLE_BYTES);
    return CVK_INVALID_ARGUMENT;
  }
  if (from->abi_major != CVK_ABI_MAJOR || from->abi_minor < 0) {
    snprintf(why, CVK_VERDICT_BYTES, "refused: built for plugin ABI %d.%d, this library speaks %d.%d", (int)from->abi_major,
             (int)from->abi_minor, CVK_ABI_MAJOR, CVK_ABI_MINOR);
    return CVK_UNSUPPORTED;
  }
  return CVK_OK;
}

cvk_status cvk_plugin_check_table(const cvk_backend *from, cvk_backend *table, char why[CVK_VERDICT_BYTES]) {
  if (from == NULL) return refuse(why, "refused: the entry gave no table%s%s", "", "");
  const cvk_status status = check_header(from, why);
  if (status != CVK_OK) return status;
  memset(table, 0, sizeof *table);
  memcpy(table, from, from->struct_size < sizeof *table ? from->struct_size : sizeof *table);
  table->struct_size = sizeof *table;
  if (!name_ok(table->name))
    return refuse(why, "refused: a backend's name is 1 to 31 of a-z, 0-9, _ and -, a letter first, not auto or reference%s%s", "", "");
  if (table->version == NULL) table->version = "";
  for (size_t i = 0; i < sizeof required / sizeof *required; i++)
    if (!present(table, &required[i]))
      return refuse(why, "refused: the required function %s of backend %s is NULL", required[i].name, table->name);
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    const int first = present(table, &groups[g].function[0]);
    for (size_t i = 1; i < groups[g].n; i++) {
      if (present(table, &groups[g].function[i]) == first) continue;
      return refuse(why, "refused: the functions for %s come together, %s is the odd one", groups[g].name, groups[g].function[i].name);
    }
  }
  if (table->buffer_alloc != NULL && table->queue_open == NULL)
    return refuse(why, "refused: backend %s has buffers but no queues to write them with%s", table->name, "");
  return CVK_OK;
}
