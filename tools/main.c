/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: the convoke program: finds the subcommand and runs it. */
#include <string.h>

#include "cli.h"

const cli_command cli_commands[] = {
    {"devices", "", "every device: id, type, name, driver, memory, instruction set", cmd_devices},
    {"info", "MODEL.onnx", "inputs, outputs, ops, parameters, multiply-adds, memory", cmd_info},
    {"run", "MODEL.onnx", "runs a model and says how long it took and where each op ran", cmd_run},
    {"bench", "MODEL.onnx", "times a model and its ops, or with --layers the layers of a CSV file, beside the peak of the machine", cmd_bench},
    {"tune", "[MODEL.onnx]", "measures the kernel rows of a device and keeps the times for later plans", cmd_tune},
    {"train", "NET|MODEL.onnx", "trains lenet5, cnn or a model on labelled images and writes it as ONNX", cmd_train},
    {"eval", "MODEL.onnx", "accuracy of a classifier on labelled data", cmd_eval},
    {"compare", "MODEL.onnx", "runs a model on two devices, op by op, and names the first difference", cmd_compare},
    {"features", "MODEL.onnx", "a picture of a layer's feature maps or of its filters", cmd_features},
    {"onnx-test", "DIR...", "ONNX backend test folders", cmd_onnx_test},
    {"cases", "FILE.json", "numeric fixtures", cmd_cases},
    {"new-plugin", "NAME", "a folder with a backend of one op, to build and grow", cmd_new_plugin},
    {"selftest", "", "every op on every device against the plain-C reference", cmd_selftest},
    {NULL, NULL, NULL, NULL},
};

const cli_command *cli_find(const char *name) {
  const cli_command *c = cli_commands;
  while (c->name && strcmp(c->name, name) != 0) c++;
  return c->name ? c : NULL;
}

static void usage(FILE *to) {
  fprintf(to, "usage: convoke COMMAND [ARGUMENTS] [FLAGS]   (convoke COMMAND --help tells more)\n\n");
  for (const cli_command *c = cli_commands; c->name; c++) fprintf(to, "  %-10s %-14s %s\n", c->name, c->arguments, c->summary);
  fprintf(to, "\nversion %s\n", cvk_version());
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    usage(stderr);
    return CLI_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
    usage(stdout);
    return CLI_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("convoke %s\n", cvk_version());
    return CLI_OK;
  }
  const cli_command *c = cli_find(argv[1]);
  if (c == NULL) return cli_fail(CLI_USAGE, "there is no command '%s'; convoke --help lists them", argv[1]);
  return c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv) {
  const int code = run(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) return cli_fail(CLI_FAILED, "can't write to standard output");
  return code;
}
