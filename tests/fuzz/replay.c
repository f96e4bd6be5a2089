/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: replay LEAST FOLDER: gives every file of a folder to a fuzz target, without libFuzzer. Fails when fewer than LEAST of them were
 * good to the end: a corpus that is refused as a whole tests little. Last line: "N passed, N failed". */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define MOST_BYTES (1 << 20)

/* From a block of exactly the file's bytes, so that a sanitizer sees the first byte past them. */
static int give(const char *folder, const char *name) {
  static uint8_t buffer[MOST_BYTES];
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  const size_t n = fread(buffer, 1, sizeof buffer, f);
  fclose(f);
  uint8_t *own = malloc(n ? n : 1);
  if (!own) return 0;
  memcpy(own, buffer, n);
  const long before = fuzz_good;
  LLVMFuzzerTestOneInput(own, n);
  free(own);
  printf("%s: %s\n", name, fuzz_good > before ? "good" : "refused");
  return 1;
}

int main(int argc, char **argv) {
  struct dirent **entries = NULL;
  int passed = 0, failed = 0;
  const int n = argc == 3 ? scandir(argv[2], &entries, NULL, alphasort) : -1;
  for (int i = 0; i < n; i++) {
    if (entries[i]->d_name[0] != '.') give(argv[2], entries[i]->d_name) ? passed++ : failed++;
    free(entries[i]);
  }
  free(entries);
  if (argc != 3 || fuzz_good < atol(argv[1])) failed++;
  printf("%ld of %d files are good, at least %s expected\n%d passed, %d failed\n", fuzz_good, passed, argc == 3 ? argv[1] : "?", passed,
         failed);
  return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
