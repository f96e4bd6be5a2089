/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h: the outcome of a list of checks: "PASS|FAIL|SKIP name reason" lines and at the end "N passed, N failed, N skipped", or with --json one
 * document {"cases": [{"name", "verdict", "reason"}], "passed", "failed", "skipped"}. */
#ifndef CVK_TALLY_H
#define CVK_TALLY_H

#include <cjson/cJSON.h>

#include "cli.h"

typedef struct tally {
  int passed, failed, skipped;
  cJSON *cases; /* NULL: lines of text */
} tally;

tally tally_begin(int json);
void tally_pass(tally *t, const char *name);
void tally_fail(tally *t, const char *name, const char *why);
void tally_skip(tally *t, const char *name, const char *why);
int tally_end(tally *t); /* prints the end, frees; the exit status */

#endif
