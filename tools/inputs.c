/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.c: see inputs.h. */
#include "inputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "npy.h"

float inputs_value(uint32_t i, uint32_t k) {
  i += k * 0x9E3779B9u;
  i ^= i >> 16;
  i *= 0x7feb352du;
  i ^= i >> 15;
  i *= 0x846ca68bu;
  i ^= i >> 16;
  return (float)(i >> 8) * (2.0f / 16777216.0f) - 1.0f;
}

/* The value of the last NAME=VALUE with this name; a list item without a name counts for a model's only input. */
static const char *find(const cli_list *list, const char *name, int32_t n_inputs) {
  const char *found = NULL;
  const size_t n = strlen(name);
  for (int32_t i = 0; i < list->n; i++) {
    const char *item = list->item[i];
    if (strncmp(item, name, n) == 0 && item[n] == '=') found = item + n + 1;
    else if (n_inputs == 1 && strchr(item, '=') == NULL) found = item;
  }
  return found;
}

/* Every item must name an input, so that a misspelt one is not ignored. */
static int check_names(const cvk_graph *g, const cli_list *list, const char *flag) {
  for (int32_t i = 0; i < list->n; i++) {
    const char *equals = strchr(list->item[i], '=');
    int found = equals == NULL && cvk_graph_input_count(g) == 1;
    char names[400] = "";
    for (int32_t k = 0; k < cvk_graph_input_count(g); k++) {
      cvk_value_info info = {.struct_size = sizeof info};
      if (cvk_graph_input_info(g, k, &info) != CVK_OK) return cli_library("inputs");
      found |= equals && strlen(info.name) == (size_t)(equals - list->item[i]) && strncmp(info.name, list->item[i], strlen(info.name)) == 0;
      if (strlen(names) + strlen(info.name) + 4 < sizeof names) strcat(strcat(names, k ? ", " : ""), info.name);
    }
    if (!found) return cli_fail(CLI_USAGE, "%s '%s' names no input of the model; it has: %s", flag, list->item[i], names);
  }
  return CLI_OK;
}

static int parse_shape(const char *text, const char *name, cvk_value_info *info) {
  int32_t rank = 0;
  int64_t dim[CVK_MAX_RANK] = {0};
  for (const char *at = text; *at;) {
    char *end;
    errno = 0;
    const long long v = strtoll(at, &end, 10);
    if (end == at || errno || v < 0 || rank == CVK_MAX_RANK || (*end != 0 && *end != 'x')) {
      return cli_fail(CLI_USAGE, "--shape %s: '%s' is not up to 8 extents joined by 'x'", name, text);
    }
    dim[rank++] = v;
    at = *end ? end + 1 : end;
  }
  int fits = info->rank < 0 || info->rank == rank;
  for (int32_t i = 0; fits && i < info->rank; i++) fits = info->dim[i] < 0 || info->dim[i] == dim[i];
  if (!fits) {
    char declared[200] = "";
    size_t n = 0;
    for (int32_t i = 0; i < info->rank && n + 24 < sizeof declared; i++) {
      if (info->dim[i] < 0) n += (size_t)snprintf(declared + n, sizeof declared - n, "%sN", i ? "x" : "");
      else n += (size_t)snprintf(declared + n, sizeof declared - n, "%s%lld", i ? "x" : "", (long long)info->dim[i]);
    }
    return cli_fail(CLI_USAGE, "--shape %s: %s does not fit %s, which the model declares (N: any)", name, text, declared);
  }
  info->rank = rank;
  memcpy(info->dim, dim, sizeof dim);
  return CLI_OK;
}

/* Symbolic extents that nobody gave: the batch becomes 1, any other must be said. */
static int fill_symbolic(const char *name, cvk_value_info *info) {
  if (info->rank < 0) return cli_fail(CLI_USAGE, "input '%s' has no declared shape: give --shape %s=...", name, name);
  for (int32_t i = 0; i < info->rank; i++) {
    if (info->dim[i] >= 0) continue;
    if (i > 0) return cli_fail(CLI_USAGE, "extent %d of input '%s' is symbolic: give --shape %s=...", i, name, name);
    info->dim[i] = 1;
  }
  return CLI_OK;
}

static int generate(const char *name, const cvk_value_info *info, cvk_tensor **out) {
  cvk_tensor *t = NULL;
  if (cvk_tensor_create(NULL, info->dtype, info->rank, info->dim, NULL, &t) != CVK_OK) return cli_library(name);
  const int64_t n = cvk_tensor_count(t);
  if (info->dtype == CVK_F32 && n > 0) { /* other types stay zero: indices and flags in range */
    float *data = malloc((size_t)n * sizeof *data);
    if (data == NULL) {
      cvk_tensor_release(t);
      return cli_fail(CLI_FAILED, "input '%s': no memory for %lld elements", name, (long long)n);
    }
    for (int64_t i = 0; i < n; i++) data[i] = inputs_value((uint32_t)i, 1);
    cvk_tensor_write(t, data, (uint64_t)n * sizeof *data);
    free(data);
  }
  *out = t;
  return CLI_OK;
}

static int load(const char *name, const char *file, const cvk_value_info *info, cvk_tensor **out) {
  char error[TOOL_ERROR_BYTES];
  const int32_t channels = info->rank == 4 && info->dim[1] > 0 ? (int32_t)info->dim[1] : 3;
  const int ok = image_has_suffix(file) ? image_load(file, channels, out, error) : npy_load(file, out, error);
  return ok ? CLI_OK : cli_fail(CLI_FAILED, "input '%s': %s", name, error);
}

int inputs_make(const cvk_graph *g, const cli_list *files, const cli_list *shapes, cvk_tensor **out) {
  const int32_t n = cvk_graph_input_count(g);
  int code = check_names(g, files, "--input");
  if (code == CLI_OK) code = check_names(g, shapes, "--shape");
  for (int32_t i = 0; i < n; i++) out[i] = NULL;
  for (int32_t i = 0; i < n && code == CLI_OK; i++) {
    cvk_value_info info = {.struct_size = sizeof info};
    if (cvk_graph_input_info(g, i, &info) != CVK_OK) return cli_library("inputs");
    const char *file = find(files, info.name, n), *shape = find(shapes, info.name, n);
    if (shape) code = parse_shape(shape, info.name, &info);
    if (code != CLI_OK) break;
    if (file) {
      code = load(info.name, file, &info, &out[i]);
    } else {
      code = fill_symbolic(info.name, &info);
      if (code == CLI_OK) code = generate(info.name, &info, &out[i]);
    }
  }
  for (int32_t i = 0; i < n && code != CLI_OK; i++) {
    cvk_tensor_release(out[i]);
    out[i] = NULL;
  }
  return code;
}
