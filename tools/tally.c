/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c: see tally.h. */
#include "tally.h"

void tally_pass(tally *t, const char *name) {
  t->passed++;
  printf("PASS %s\n", name);
}

void tally_fail(tally *t, const char *name, const char *why) {
  t->failed++;
  printf("FAIL %s %s\n", name, why);
}

void tally_skip(tally *t, const char *name, const char *why) {
  t->skipped++;
  printf("SKIP %s %s\n", name, why);
}

int tally_end(const tally *t) {
  printf("%d passed, %d failed, %d skipped\n", t->passed, t->failed, t->skipped);
  return t->failed || t->passed + t->skipped == 0 ? CLI_FAILED : CLI_OK;
}
