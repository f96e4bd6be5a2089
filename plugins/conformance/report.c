/* SPDX-License-Identifier: Apache-2.0 */
/* report.c: see report.h. An op that has no supported case has no line in the table; its cases count as skipped. */
#include "report.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

void report_count(const report *r, int32_t *passed, int32_t *failed, int32_t *skipped) {
  *passed = *failed = *skipped = 0;
  for (int32_t i = 0; i < r->n_ops; i++) {
    *passed += r->ops[i].passed;
    *failed += r->ops[i].failed;
    *skipped += r->ops[i].skipped;
  }
  for (int32_t i = 0; i < r->n_rules; i++) {
    *passed += strcmp(r->rules[i].verdict, "PASS") == 0;
    *failed += strcmp(r->rules[i].verdict, "FAIL") == 0;
    *skipped += strcmp(r->rules[i].verdict, "SKIP") == 0;
  }
}

/* ---- text ---- */

static void print_time(double ns) {
  if (ns <= 0) printf(" %9s", "-");
  else if (ns < 1e6) printf(" %7.1fus", ns / 1e3);
  else printf(" %7.2fms", ns / 1e6);
}

void report_text(const report *r) {
  int32_t passed, failed, skipped, lacking = 0;
  printf("%s %s, plugin ABI %d.%d, device %s\n\n", r->name, r->version, r->abi_major, r->abi_minor, r->device);
  printf("%-18s %5s %6s %6s %7s %9s %9s %9s  %s\n", "op", "cases", "passed", "failed", "skipped", "worst", "time", "on cpu", "rows");
  for (int32_t i = 0; i < r->n_ops; i++) {
    const op_line *o = &r->ops[i];
    lacking += o->passed + o->failed == 0;
    if (o->passed + o->failed == 0) continue;
    printf("%-18s %5d %6d %6d %7d %9.3g", o->name, o->cases, o->passed, o->failed, o->skipped, o->worst);
    print_time(o->ns);
    print_time(o->cpu_ns);
    for (int32_t k = 0; k < o->n_rows; k++) printf("%s%s", k ? " " : "  ", o->row[k]);
    printf("\n");
  }
  printf("%d ops are not supported. worst: the largest error, in units of the bound of the row's class.\n\n", lacking);
  for (int32_t i = 0; i < r->n_rules; i++) {
    const rule_line *l = &r->rules[i];
    printf("%-4s %s %s%s%s\n", l->rule, l->verdict, l->title, l->text[0] ? ": " : "", l->text);
  }
  if (r->n_faults) printf("\n");
  for (int32_t i = 0; i < r->n_faults; i++) printf("FAIL %s %s\n", r->faults[i].op, r->faults[i].text);
  if (r->more_faults) printf("and %lld more\n", (long long)r->more_faults);
  report_count(r, &passed, &failed, &skipped);
  printf("\n%d passed, %d failed, %d skipped\n", passed, failed, skipped);
}

/* ---- JSON ---- */

static cJSON *json_op(const op_line *o) {
  cJSON *j = cJSON_CreateObject(), *rows = cJSON_CreateArray();
  cJSON_AddStringToObject(j, "op", o->name);
  cJSON_AddNumberToObject(j, "cases", o->cases);
  cJSON_AddNumberToObject(j, "passed", o->passed);
  cJSON_AddNumberToObject(j, "failed", o->failed);
  cJSON_AddNumberToObject(j, "skipped", o->skipped);
  cJSON_AddNumberToObject(j, "worst", o->worst > 1e300 ? 1e300 : o->worst);
  if (o->ns > 0) cJSON_AddNumberToObject(j, "ns", o->ns);
  if (o->cpu_ns > 0) cJSON_AddNumberToObject(j, "cpu_ns", o->cpu_ns);
  for (int32_t k = 0; k < o->n_rows; k++) cJSON_AddItemToArray(rows, cJSON_CreateString(o->row[k]));
  cJSON_AddItemToObject(j, "rows", rows);
  return j;
}

void report_json(const report *r) {
  int32_t passed, failed, skipped;
  cJSON *root = cJSON_CreateObject(), *ops = cJSON_CreateArray(), *rules = cJSON_CreateArray(), *faults = cJSON_CreateArray();
  cJSON_AddStringToObject(root, "plugin", r->path);
  cJSON_AddStringToObject(root, "backend", r->name);
  cJSON_AddStringToObject(root, "version", r->version);
  cJSON_AddStringToObject(root, "device", r->device);
  for (int32_t i = 0; i < r->n_ops; i++) cJSON_AddItemToArray(ops, json_op(&r->ops[i]));
  for (int32_t i = 0; i < r->n_rules; i++) {
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "rule", r->rules[i].rule);
    cJSON_AddStringToObject(j, "title", r->rules[i].title);
    cJSON_AddStringToObject(j, "verdict", r->rules[i].verdict);
    if (r->rules[i].text[0]) cJSON_AddStringToObject(j, "reason", r->rules[i].text);
    cJSON_AddItemToArray(rules, j);
  }
  for (int32_t i = 0; i < r->n_faults; i++) {
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "op", r->faults[i].op);
    cJSON_AddStringToObject(j, "reason", r->faults[i].text);
    cJSON_AddItemToArray(faults, j);
  }
  cJSON_AddItemToObject(root, "ops", ops);
  cJSON_AddItemToObject(root, "rules", rules);
  cJSON_AddItemToObject(root, "failures", faults);
  report_count(r, &passed, &failed, &skipped);
  cJSON_AddNumberToObject(root, "passed", passed);
  cJSON_AddNumberToObject(root, "failed", failed);
  cJSON_AddNumberToObject(root, "skipped", skipped);
  char *text = cJSON_Print(root);
  if (text != NULL) printf("%s\n", text);
  free(text);
  cJSON_Delete(root);
}

/* ---- JUnit ---- */

static void put_xml(FILE *f, const char *text) {
  for (; *text; text++) {
    if (*text == '<') fputs("&lt;", f);
    else if (*text == '>') fputs("&gt;", f);
    else if (*text == '&') fputs("&amp;", f);
    else if (*text == '"') fputs("&quot;", f);
    else if ((unsigned char)*text >= ' ') fputc(*text, f);
  }
}

static void put_case(FILE *f, const char *suite, const char *name, const char *element, const char *text) {
  fprintf(f, "    <testcase classname=\"%s\" name=\"", suite);
  put_xml(f, name);
  fprintf(f, element ? "\"><%s message=\"" : "\"/>\n", element);
  if (element == NULL) return;
  put_xml(f, text);
  fprintf(f, "\"/></testcase>\n");
}

static void put_op(FILE *f, const report *r, const op_line *o) {
  char name[NAME + 40];
  snprintf(name, sizeof name, "%.63s: %d cases", o->name, o->cases);
  for (int32_t i = 0; i < r->n_faults; i++) {
    if (strcmp(r->faults[i].op, o->name) == 0) put_case(f, "ops", o->name, "failure", r->faults[i].text);
  }
  if (o->failed == 0) put_case(f, "ops", name, o->passed ? NULL : "skipped", "not supported");
}

int report_junit(const report *r, const char *path) {
  int32_t passed, failed, skipped;
  FILE *f = fopen(path, "we");
  if (f == NULL) return 0;
  report_count(r, &passed, &failed, &skipped);
  fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"%s\" failures=\"%d\">\n", r->name, failed);
  for (int32_t i = 0; i < r->n_ops; i++) put_op(f, r, &r->ops[i]);
  for (int32_t i = 0; i < r->n_rules; i++) {
    const rule_line *l = &r->rules[i];
    char name[NAME + FAULT];
    snprintf(name, sizeof name, "%s %s", l->rule, l->title);
    put_case(f, "rules", name, strcmp(l->verdict, "FAIL") == 0 ? "failure" : strcmp(l->verdict, "SKIP") == 0 ? "skipped" : NULL, l->text);
  }
  fprintf(f, "  </testsuite>\n</testsuites>\n");
  const int ok = !ferror(f);
  return fclose(f) == 0 && ok;
}
