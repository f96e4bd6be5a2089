/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_onnx_test.c: convoke onnx-test: ONNX backend test folders (model.onnx, test_data_set_N/input_K.pb, output_K.pb), rtol 1e-3, atol 1e-7. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "difference.h"
#include "tally.h"

#define RTOL 1e-3
#define ATOL 1e-7
#define PATH_MOST 4096
#define IO_MOST 64
#define LIST_MOST (1 << 20)

typedef struct suite {
  cvk_context *ctx;
  cvk_session_options options;
  const char *filter;
  char *list; /* text of --list, one name a line, or NULL */
  char *skip; /* text of --skip, "name reason" a line, or NULL */
  tally tally;
  int ops_cpu, ops_reference, ops_device;
} suite;

static int exists(const char *path) {
  struct stat st;
  return stat(path, &st) == 0;
}

/* Path of DIR/test_data_set_N/WHAT_K.pb. */
static int data_path(char to[PATH_MOST], const char *dir, int set, const char *what, int k) {
  const int n = snprintf(to, PATH_MOST, "%s/test_data_set_%d/%s_%d.pb", dir, set, what, k);
  return n > 0 && n < PATH_MOST && exists(to);
}

static void release(cvk_tensor **t, int n) {
  for (int i = 0; i < n; i++) cvk_tensor_release(t[i]);
}

enum { DATA_OK, DATA_SKIP, DATA_FAIL };

static int load_set(const char *dir, int set, const char *what, cvk_tensor **t, int *n, char *why, size_t why_bytes) {
  char path[PATH_MOST];
  for (*n = 0; *n < IO_MOST && data_path(path, dir, set, what, *n); (*n)++) {
    const cvk_status status = cvk_tensor_load_onnx(path, &t[*n]);
    if (status == CVK_OK) continue;
    snprintf(why, why_bytes, "%s: %s", cvk_status_name(status), cvk_error_message());
    return status == CVK_UNSUPPORTED ? DATA_SKIP : DATA_FAIL;
  }
  return DATA_OK;
}

/* The suite up to onnx 1.12 stores bfloat16 data as uint16: the same bits under the type that the model declares. */
static void as_bfloat16(cvk_tensor **t) {
  cvk_tensor *raw = *t, *typed = NULL;
  uint16_t *bits = malloc(cvk_tensor_bytes(raw) + 1);
  if (bits && cvk_tensor_read(raw, bits, cvk_tensor_bytes(raw)) == CVK_OK &&
      cvk_tensor_create(NULL, CVK_BF16, cvk_tensor_rank(raw), cvk_tensor_dims(raw), bits, &typed) == CVK_OK) {
    *t = typed;
    cvk_tensor_release(raw);
  }
  free(bits);
}

static int run_set(suite *s, cvk_graph *g, const char *dir, int set, char *why, size_t why_bytes) {
  cvk_tensor *in[IO_MOST] = {NULL}, *want[IO_MOST] = {NULL}, *got[IO_MOST] = {NULL};
  const int32_t n_in = cvk_graph_input_count(g), n_out = cvk_graph_output_count(g);
  cvk_session *session = NULL;
  int have_in, have_out = 0;
  int result = load_set(dir, set, "input", in, &have_in, why, why_bytes);
  if (result == DATA_OK) result = load_set(dir, set, "output", want, &have_out, why, why_bytes);
  if (result == DATA_OK && (n_in > have_in || n_out > have_out || n_out > IO_MOST)) {
    snprintf(why, why_bytes, "the model has %d inputs and %d outputs, the folder %d and %d", n_in, n_out, have_in, have_out);
    result = DATA_FAIL;
  }
  for (int i = 0; i < n_in && result == DATA_OK; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    if (cvk_graph_input_info(g, i, &info) == CVK_OK && info.dtype == CVK_BF16 && cvk_tensor_dtype(in[i]) == CVK_U16) as_bfloat16(&in[i]);
  }
  if (result == DATA_OK) {
    cvk_status status = cvk_session_create(g, &s->options, &session);
    if (status == CVK_OK) status = cvk_session_run(session, n_in, in, n_out, got);
    if (status != CVK_OK) {
      snprintf(why, why_bytes, "%s: %s", cvk_status_name(status), cvk_error_message());
      result = status == CVK_UNSUPPORTED ? DATA_SKIP : DATA_FAIL;
    }
  }
  for (int i = 0; i < n_out && result == DATA_OK; i++) {
    difference d;
    if (cvk_tensor_dtype(got[i]) == CVK_BF16 && cvk_tensor_dtype(want[i]) == CVK_U16) as_bfloat16(&want[i]);
    if (!difference_of(got[i], want[i], RTOL, ATOL, &d)) {
      snprintf(why, why_bytes, "output %d: %s", i, d.why);
      result = DATA_FAIL;
    } else if (d.outside) {
      snprintf(why, why_bytes, "output %d: %lld elements differ, the worst at %lld: %.9g, wanted %.9g", i, (long long)d.outside, (long long)d.at, d.got, d.want);
      result = DATA_FAIL;
    }
  }
  cvk_session_report r = {.struct_size = sizeof r};
  if (result == DATA_OK && cvk_session_report_get(session, &r) == CVK_OK) {
    s->ops_device += r.ops_device;
    s->ops_cpu += r.ops_cpu;
    s->ops_reference += r.ops_reference;
  }
  cvk_session_release(session);
  release(in, IO_MOST);
  release(want, IO_MOST);
  release(got, IO_MOST);
  return result;
}

static void run_case(suite *s, const char *name, const char *dir) {
  char why[1024] = "", path[PATH_MOST];
  cvk_graph *g = NULL;
  snprintf(path, sizeof path, "%s/model.onnx", dir);
  const cvk_status status = cvk_graph_load_onnx(s->ctx, path, &g);
  int result = DATA_OK, set = 0;
  if (status != CVK_OK) {
    snprintf(why, sizeof why, "%s: %s", cvk_status_name(status), cvk_error_message());
    result = status == CVK_UNSUPPORTED ? DATA_SKIP : DATA_FAIL;
  }
  for (; result == DATA_OK; set++) {
    snprintf(path, sizeof path, "%s/test_data_set_%d", dir, set);
    if (!exists(path)) break;
    result = run_set(s, g, dir, set, why, sizeof why);
  }
  cvk_graph_release(g);
  for (char *c = why; *c; c++) {
    if (*c == '\n') *c = ' ';
  }
  if (result == DATA_FAIL) tally_fail(&s->tally, name, why);
  else if (result == DATA_SKIP) tally_skip(&s->tally, name, why);
  else if (set == 0) tally_skip(&s->tally, name, "the folder holds no test_data_set_0");
  else tally_pass(&s->tally, name);
}

/* The line of a list whose first word is the name, past that word; NULL: none. */
static const char *find_line(const char *list, const char *name) {
  const size_t n = strlen(name);
  for (const char *at = list; at && *at; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, name, n) == 0 && strchr(" \r\n", at[n])) return at + n;
  }
  return NULL;
}

static void consider(suite *s, const char *name, const char *dir) {
  if (s->filter && fnmatch(s->filter, name, 0) != 0) return;
  if (s->list && !find_line(s->list, name)) return;
  const char *reason = find_line(s->skip, name);
  if (reason == NULL) {
    run_case(s, name, dir);
    return;
  }
  char why[300];
  reason += strspn(reason, " ");
  snprintf(why, sizeof why, "listed: %.*s", (int)strcspn(reason, "\r\n"), reason);
  tally_skip(&s->tally, name, why);
}

/* A folder is a case, or holds cases. */
static int walk(suite *s, const char *dir) {
  char path[PATH_MOST];
  struct dirent **entries = NULL;
  snprintf(path, sizeof path, "%s/model.onnx", dir);
  if (exists(path)) {
    const char *slash = strrchr(dir, '/');
    consider(s, slash && slash[1] ? slash + 1 : dir, dir);
    return CLI_OK;
  }
  const int n = scandir(dir, &entries, NULL, alphasort);
  if (n < 0) return cli_fail(CLI_FAILED, "%s: no such folder", dir);
  int found = 0;
  for (int i = 0; i < n; i++) {
    const int length = snprintf(path, sizeof path, "%s/%s/model.onnx", dir, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.' && length < (int)sizeof path && exists(path)) {
      path[length - (int)strlen("/model.onnx")] = 0;
      consider(s, entries[i]->d_name, path);
      found++;
    }
    free(entries[i]);
  }
  free(entries);
  return found ? CLI_OK : cli_fail(CLI_FAILED, "%s holds no folder with a model.onnx", dir);
}

static int read_list(const char *flag, const char *path, char **out) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return cli_fail(CLI_FAILED, "%s %s can't be read", flag, path);
  char *text = calloc(1, LIST_MOST);
  const size_t n = text ? fread(text, 1, LIST_MOST, f) : 0;
  fclose(f);
  *out = text;
  if (text == NULL) return cli_fail(CLI_FAILED, "no memory for %s", flag);
  return n < LIST_MOST ? CLI_OK : cli_fail(CLI_FAILED, "%s %s is longer than %d bytes", flag, path, LIST_MOST - 1);
}

/* As `run` says it: the device's own ops count under its kind. */
static void print_places(const suite *s, const cvk_device_info *info) {
  const int is_cpu = strcmp(info->id, "cpu") == 0, is_reference = info->type == CVK_DEVICE_REFERENCE;
  printf("ops of passed cases: reference=%d cpu=%d", s->ops_reference + (is_reference ? s->ops_device : 0), s->ops_cpu + (is_cpu ? s->ops_device : 0));
  if (!is_cpu && !is_reference) printf(" %s=%d", info->id, s->ops_device);
  printf("\n");
}

int cmd_onnx_test(int argc, char **argv) {
  cli_common common = {0};
  suite s = {0};
  const char *dirs[CLI_LIST_MAX], *list = NULL, *skip = NULL;
  int n;
  const cli_flag flags[] = {
      {"--filter", FLAG_TEXT, &s.filter, NULL, "glob over case names"},
      {"--list", FLAG_TEXT, &list, NULL, "file with one case name a line: only those run"},
      {"--skip", FLAG_TEXT, &skip, NULL, "file with \"name reason\" a line: those are skipped, visibly"},
      CLI_COMMON_FLAGS(common),
  };
  int code = cli_parse("onnx-test", argc, argv, flags, sizeof flags / sizeof *flags, dirs, 1, CLI_LIST_MAX, &n);
  cvk_device *dev = NULL;
  if (code >= 0) return code;
  code = cli_context(&common, &s.ctx);
  if (code == CLI_OK && list) code = read_list("--list", list, &s.list);
  if (code == CLI_OK && skip) code = read_list("--skip", skip, &s.skip);
  if (code == CLI_OK && cvk_device_open(s.ctx, common.device, &dev) != CVK_OK) code = cli_fail(CLI_FAILED, "%s", cvk_error_message()); /* once for all cases */
  s.options = cli_session_options(&common);
  s.tally = tally_begin(common.json);
  for (int i = 0; i < n && code == CLI_OK; i++) code = walk(&s, dirs[i]);
  if (code == CLI_OK) {
    cvk_device_info info = {.struct_size = sizeof info};
    cvk_device_describe(dev, &info);
    if (!common.json) print_places(&s, &info);
    code = tally_end(&s.tally);
  } else {
    cJSON_Delete(s.tally.cases);
  }
  free(s.list);
  free(s.skip);
  cvk_device_release(dev);
  cvk_context_release(s.ctx);
  return code;
}
