/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: what came of all checks, as a table, one JSON document, or a JUnit file. */
#ifndef CVK_REPORT_H
#define CVK_REPORT_H

#include <stdint.h>
#include <stdio.h>

enum { MOST_OPS = 160, MOST_ROWS = 40, MOST_FAULTS = 400, MOST_RULES = 32, NAME = 64, FAULT = 700 };

typedef struct op_line {
  const char *name;
  int32_t cases, passed, failed, skipped, n_rows;
  double worst, ns, cpu_ns; /* 0: unknown */
  char row[MOST_ROWS][NAME];
} op_line;

typedef struct fault {
  const char *op;
  char text[FAULT]; /* "case '...': why" */
} fault;

typedef struct rule_line {
  const char *rule, *title;
  const char *verdict; /* PASS, FAIL, SKIP */
  char text[FAULT];
} rule_line;

typedef struct report {
  const char *path;
  char name[NAME], version[NAME], device[200];
  int32_t abi_major, abi_minor;
  int32_t n_ops, n_faults, n_rules;
  int64_t more_faults; /* that found no room */
  op_line ops[MOST_OPS];
  fault faults[MOST_FAULTS];
  rule_line rules[MOST_RULES];
} report;

void report_count(const report *r, int32_t *passed, int32_t *failed, int32_t *skipped);
void report_text(const report *r);
void report_json(const report *r);
int report_junit(const report *r, const char *path); /* 0: not written */

#endif
