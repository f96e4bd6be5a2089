/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h: the lines of a list of checks: "PASS|FAIL|SKIP name reason", at the end "N passed, N failed, N skipped". */
#ifndef CVK_TALLY_H
#define CVK_TALLY_H

#include "cli.h"

typedef struct tally { int passed, failed, skipped; } tally;

void tally_pass(tally *t, const char *name);
void tally_fail(tally *t, const char *name, const char *why);
void tally_skip(tally *t, const char *name, const char *why);
int tally_end(const tally *t); /* prints the last line; the exit status */

#endif
