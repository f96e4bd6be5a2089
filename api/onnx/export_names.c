/* SPDX-License-Identifier: Apache-2.0 */
/* export_names.c: names that are unique in a model: a hash set whose strings live in the export's arena. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

static uint64_t hash(const char *s) { /* FNV-1a */
  uint64_t h = 0xcbf29ce484222325;
  for (; *s; s++) h = (h ^ (uint8_t)*s) * 0x100000001b3;
  return h;
}

/* Where the name stands, or would. */
static int32_t find(const cvk_onnx_names *names, const char *name) {
  int32_t i = (int32_t)(hash(name) & (uint64_t)(names->room - 1));
  while (names->slot[i] && strcmp(names->slot[i], name) != 0) i = (i + 1) & (names->room - 1);
  return i;
}

int32_t cvk_onnx_name_taken(const cvk_onnx_names *names, const char *name) {
  return names->room > 0 && names->slot[find(names, name)] != NULL;
}

static int32_t grow(cvk_onnx_names *names, cvk_arena *memory) {
  const cvk_onnx_names old = *names;
  if (old.n < old.room / 2) return 1;
  if (old.room > INT32_MAX / 4) return 0;
  names->room = old.room ? old.room * 2 : 256;
  names->slot = cvk_arena_alloc(memory, (size_t)names->room, sizeof *names->slot);
  if (names->slot == NULL) {
    *names = old;
    return 0;
  }
  for (int32_t i = 0; i < old.room; i++)
    if (old.slot[i]) names->slot[find(names, old.slot[i])] = old.slot[i];
  return 1;
}

const char *cvk_onnx_name_take(cvk_onnx_names *names, cvk_arena *memory, const char *name) {
  char *copy = NULL;
  if (!grow(names, memory)) return NULL;
  if (name[0] && names->slot[find(names, name)] == NULL) {
    copy = cvk_arena_strdup(memory, name);
  } else {
    const size_t room = strlen(name) + 12;
    copy = cvk_arena_alloc(memory, room, 1);
    for (int32_t i = 1; copy; i++) {
      snprintf(copy, room, "%s_%d", name, i);
      if (names->slot[find(names, copy)] == NULL) break;
    }
  }
  if (copy == NULL) return NULL;
  names->slot[find(names, copy)] = copy;
  names->n++;
  return copy;
}
