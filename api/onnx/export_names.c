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
  while (names->slot[i].name && strcmp(names->slot[i].name, name) != 0) i = (i + 1) & (names->room - 1);
  return i;
}

int32_t cvk_onnx_name_taken(const cvk_onnx_names *names, const char *name) {
  return names->room > 0 && names->slot[find(names, name)].name != NULL;
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
    if (old.slot[i].name) names->slot[find(names, old.slot[i].name)] = old.slot[i];
  return 1;
}

/* Bytes of the character at s, 0: it is not UTF-8. */
static int32_t character(const uint8_t *s) {
  const int32_t more = s[0] < 0x80                   ? 0
                       : s[0] >= 0xc2 && s[0] < 0xe0 ? 1
                       : s[0] >= 0xe0 && s[0] < 0xf0 ? 2
                       : s[0] >= 0xf0 && s[0] < 0xf5 ? 3
                                                     : -1;
  for (int32_t i = 1; i <= more; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return more + 1;
}

int32_t cvk_onnx_name_is_text(const char *name) {
  const uint8_t *s = (const uint8_t *)name;
  for (int32_t n = 0; *s; s += n)
    if ((n = character(s)) == 0) return 0;
  return 1;
}

/* A name that was cut may end within a character; protobuf's readers refuse the whole file then. */
static void make_text(char *name) {
  for (uint8_t *s = (uint8_t *)name; *s;) {
    const int32_t n = character(s);
    if (n == 0) *s = '?';
    s += n ? n : 1;
  }
}

const char *cvk_onnx_name_take(cvk_onnx_names *names, cvk_arena *memory, const char *name) {
  const size_t room = strlen(name) + 12;
  char *text = cvk_arena_strdup(memory, name), *copy = text;
  if (text == NULL || !grow(names, memory)) return NULL;
  make_text(text);
  cvk_onnx_used_name *same = &names->slot[find(names, text)];
  if (text[0] == 0 || same->name) copy = cvk_arena_alloc(memory, room, 1);
  while (copy && copy != text) {
    snprintf(copy, room, "%s_%d", text, ++same->last);
    if (names->slot[find(names, copy)].name == NULL) break;
  }
  if (copy == NULL) return NULL;
  names->slot[find(names, copy)].name = copy;
  names->n++;
  return copy;
}
