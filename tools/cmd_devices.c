/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_devices.c: convoke devices: one line a device, first word its id; --verbose adds every plugin candidate and driver that was tried, and its verdict. */
#include "cli.h"

static const char *type_name(int32_t type) {
  static const char *const names[] = {"?", "cpu", "integrated-gpu", "discrete-gpu", "accelerator", "reference"};
  return type >= 1 && type <= CVK_DEVICE_REFERENCE ? names[type] : names[0];
}

static int print_text(cvk_context *ctx, int32_t n, int verbose) {
  for (int32_t i = 0; i < n; i++) {
    cvk_device_info d = {.struct_size = sizeof d};
    if (cvk_device_info_get(ctx, i, &d) != CVK_OK) return cli_library("devices");
    printf("%-10s index=%d type=%s units=%d memory=%.1fGiB isa=%s name=\"%s\" driver=\"%s\"\n", d.id, i, type_name(d.type), d.units,
           (double)d.memory_bytes / (1u << 30), d.isa[0] ? d.isa : "-", d.name, d.driver);
  }
  int32_t plugins = 0;
  if (!verbose) return CLI_OK;
  if (cvk_plugin_count(ctx, &plugins) != CVK_OK) return cli_library("devices");
  for (int32_t i = 0; i < plugins; i++) {
    cvk_plugin_verdict v = {.struct_size = sizeof v};
    if (cvk_plugin_verdict_get(ctx, i, &v) != CVK_OK) return cli_library("devices");
    printf("%s %s backend=%s status=%s: %s\n", v.driver ? "driver" : "plugin", v.path, v.backend ? v.backend : "-", cvk_status_name(v.status), v.verdict);
  }
  return CLI_OK;
}

static int print_json(cvk_context *ctx, int32_t n) {
  cJSON *root = cJSON_CreateObject(), *devices = cJSON_AddArrayToObject(root, "devices"), *plugins = cJSON_AddArrayToObject(root, "plugins"),
        *drivers = cJSON_AddArrayToObject(root, "drivers");
  int32_t n_plugins = 0;
  int code = CLI_OK;
  for (int32_t i = 0; i < n && code == CLI_OK; i++) {
    cvk_device_info d = {.struct_size = sizeof d};
    if (cvk_device_info_get(ctx, i, &d) != CVK_OK) {
      code = cli_library("devices");
      break;
    }
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "id", d.id);
    cJSON_AddStringToObject(o, "type", type_name(d.type));
    cJSON_AddNumberToObject(o, "units", d.units);
    cJSON_AddStringToObject(o, "name", d.name);
    cJSON_AddStringToObject(o, "driver", d.driver);
    cJSON_AddNumberToObject(o, "memory_bytes", (double)d.memory_bytes);
    cJSON_AddNumberToObject(o, "max_alloc_bytes", (double)d.max_alloc_bytes);
    cJSON_AddStringToObject(o, "isa", d.isa);
    cJSON_AddItemToArray(devices, o);
  }
  if (code == CLI_OK && cvk_plugin_count(ctx, &n_plugins) != CVK_OK) code = cli_library("devices");
  for (int32_t i = 0; i < n_plugins && code == CLI_OK; i++) {
    cvk_plugin_verdict v = {.struct_size = sizeof v};
    if (cvk_plugin_verdict_get(ctx, i, &v) != CVK_OK) continue;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "path", v.path);
    if (v.backend) cJSON_AddStringToObject(o, "backend", v.backend);
    cJSON_AddStringToObject(o, "status", cvk_status_name(v.status));
    cJSON_AddStringToObject(o, "verdict", v.verdict);
    cJSON_AddItemToArray(v.driver ? drivers : plugins, o);
  }
  if (code == CLI_OK) cli_print_json(root);
  else cJSON_Delete(root);
  return code;
}

int cmd_devices(int argc, char **argv) {
  cli_common common = {0};
  int verbose = 0, n_positional;
  int32_t n = 0;
  const cli_flag flags[] = {{"--verbose", FLAG_SWITCH, &verbose, NULL, "every plugin candidate and OpenCL driver, and its verdict"}, CLI_COMMON_FLAGS(common)};
  int code = cli_parse("devices", argc, argv, flags, sizeof flags / sizeof *flags, NULL, 0, 0, &n_positional);
  cvk_context *ctx = NULL;
  if (code >= 0) return code;
  code = cli_context(&common, &ctx);
  if (code != CLI_OK) return code;
  if (cvk_device_count(ctx, &n) != CVK_OK) code = cli_library("devices");
  else code = common.json ? print_json(ctx, n) : print_text(ctx, n, verbose);
  cvk_context_release(ctx);
  return code;
}
