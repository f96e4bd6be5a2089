/* SPDX-License-Identifier: Apache-2.0 */
/* elf.c: the dynamic symbols and libraries of a shared object, from its section headers, as nm -D and readelf -d print them. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static char *read_whole(const char *path, size_t *bytes) {
  FILE *f = fopen(path, "rb");
  char *data = NULL;
  if (f == NULL) return NULL;
  if (fseek(f, 0, SEEK_END) == 0) {
    const long n = ftell(f);
    rewind(f);
    data = n > 0 ? malloc((size_t)n + 1) : NULL;
    if (data != NULL && fread(data, 1, (size_t)n, f) != (size_t)n) {
      free(data);
      data = NULL;
    }
    *bytes = data != NULL ? (size_t)n : 0;
    if (data != NULL) data[n] = '\0'; /* strings end somewhere */
  }
  fclose(f);
  return data;
}

static void add(elf_names *list, const char *data, size_t bytes, const Elf64_Shdr *strings, uint64_t at) {
  const int32_t most = (int32_t)(sizeof list->name / sizeof *list->name);
  if (list->n < most && at < strings->sh_size && strings->sh_offset + at < bytes)
    snprintf(list->name[list->n++], sizeof list->name[0], "%.127s", data + strings->sh_offset + at);
}

static int fits(uint64_t offset, uint64_t size, size_t bytes) { return offset <= bytes && size <= bytes - offset; }

static void read_symbols(const char *data, size_t bytes, const Elf64_Shdr *s, const Elf64_Shdr *strings, elf_names *out) {
  for (uint64_t at = 0; at + sizeof(Elf64_Sym) <= s->sh_size; at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    memcpy(&symbol, data + s->sh_offset + at, sizeof symbol);
    const int binding = ELF64_ST_BIND(symbol.st_info), visible = binding == STB_GLOBAL || binding == STB_WEAK;
    if (symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS && visible) add(out, data, bytes, strings, symbol.st_name);
  }
}

static void read_needed(const char *data, size_t bytes, const Elf64_Shdr *s, const Elf64_Shdr *strings, elf_names *out) {
  for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= s->sh_size; at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    memcpy(&entry, data + s->sh_offset + at, sizeof entry);
    if (entry.d_tag == DT_NEEDED) add(out, data, bytes, strings, entry.d_un.d_val);
  }
}

int elf_read(const char *path, elf_names *exports, elf_names *needed) {
  size_t bytes = 0;
  char *data = read_whole(path, &bytes);
  Elf64_Ehdr h;
  exports->n = needed->n = 0;
  int ok = data != NULL && bytes >= sizeof h && memcmp(data, ELFMAG, SELFMAG) == 0 && data[EI_CLASS] == ELFCLASS64;
  if (ok) memcpy(&h, data, sizeof h);
  ok = ok && h.e_shentsize == sizeof(Elf64_Shdr) && fits(h.e_shoff, (uint64_t)h.e_shnum * sizeof(Elf64_Shdr), bytes);
  for (uint32_t i = 0; ok && i < h.e_shnum; i++) {
    Elf64_Shdr s, strings;
    memcpy(&s, data + h.e_shoff + i * sizeof s, sizeof s);
    if ((s.sh_type != SHT_DYNSYM && s.sh_type != SHT_DYNAMIC) || s.sh_link >= h.e_shnum || !fits(s.sh_offset, s.sh_size, bytes)) continue;
    memcpy(&strings, data + h.e_shoff + s.sh_link * sizeof s, sizeof strings);
    if (!fits(strings.sh_offset, strings.sh_size, bytes)) continue;
    if (s.sh_type == SHT_DYNSYM) read_symbols(data, bytes, &s, &strings, exports);
    else read_needed(data, bytes, &s, &strings, needed);
  }
  free(data);
  return ok;
}
