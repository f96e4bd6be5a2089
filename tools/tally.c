/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c: see tally.h. */
#include "tally.h"

tally tally_begin(int json) { return (tally){.cases = json ? cJSON_CreateArray() : NULL}; }

static void note(tally *t, int *count, const char *verdict, const char *name, const char *why) {
  ++*count;
  if (t->cases == NULL) {
    printf("%s %s%s%s\n", verdict, name, *why ? " " : "", why);
    return;
  }
  cJSON *o = cJSON_CreateObject();
  cJSON_AddStringToObject(o, "name", name);
  cJSON_AddStringToObject(o, "verdict", verdict);
  if (*why) cJSON_AddStringToObject(o, "reason", why);
  cJSON_AddItemToArray(t->cases, o);
}

void tally_pass(tally *t, const char *name) { note(t, &t->passed, "PASS", name, ""); }
void tally_fail(tally *t, const char *name, const char *why) { note(t, &t->failed, "FAIL", name, why); }
void tally_skip(tally *t, const char *name, const char *why) { note(t, &t->skipped, "SKIP", name, why); }

int tally_end(tally *t) {
  if (t->cases) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddItemToObject(root, "cases", t->cases);
    cJSON_AddNumberToObject(root, "passed", t->passed);
    cJSON_AddNumberToObject(root, "failed", t->failed);
    cJSON_AddNumberToObject(root, "skipped", t->skipped);
    cli_print_json(root);
  } else {
    printf("%d passed, %d failed, %d skipped\n", t->passed, t->failed, t->skipped);
  }
  return t->failed || t->passed + t->skipped == 0 ? CLI_FAILED : CLI_OK;
}
