/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_new_plugin.c: convoke new-plugin NAME: a folder with a backend of one op that builds, passes conformance, and is there to grow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "plugin_template.h"

#define MARK "@NAME@"
enum { MOST_NAME = 31, PATH = 4096 };

/* As the loader wants it, less '-': the name stands in C sources too. */
static int is_name(const char *name) {
  const size_t n = strlen(name);
  return n > 0 && n <= MOST_NAME && name[0] >= 'a' && name[0] <= 'z' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n &&
         strcmp(name, "auto") != 0 && strcmp(name, "reference") != 0;
}

static int write_file(const char *folder, const template_file *t, const char *name) {
  char path[PATH];
  snprintf(path, sizeof path, "%s/%s", folder, t->name);
  FILE *f = fopen(path, "wx");
  if (f == NULL) return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
  for (const char *at = t->text; *at;) {
    const char *mark = strstr(at, MARK);
    fprintf(f, "%.*s%s", mark ? (int)(mark - at) : (int)strlen(at), at, mark ? name : "");
    at = mark ? mark + strlen(MARK) : at + strlen(at);
  }
  const int ok = !ferror(f);
  if (fclose(f) != 0 || !ok) return cli_fail(CLI_FAILED, "%s: cannot be written whole", path);
  if (strcmp(t->name, "ci.sh") == 0) chmod(path, 0755);
  return CLI_OK;
}

int cmd_new_plugin(int argc, char **argv) {
  const char *positional[1], *folder = NULL;
  int n;
  const cli_flag flags[] = {{"--folder", FLAG_TEXT, &folder, NULL, "where it goes (a folder of the plugin's name, here)"}};
  int code = cli_parse("new-plugin", argc, argv, flags, 1, positional, 1, 1, &n);
  if (code >= 0) return code;
  const char *name = positional[0];
  if (!is_name(name)) return cli_fail(CLI_USAGE, "a plugin's name is 1 to %d of a-z, 0-9 and _, a letter first, not auto or reference: '%s'", MOST_NAME, name);
  if (folder == NULL) folder = name;
  if (mkdir(folder, 0777) != 0) return cli_fail(CLI_FAILED, "the folder %s cannot be made: %s", folder, strerror(errno));
  code = CLI_OK;
  for (const template_file *t = template_files; t->name && code == CLI_OK; t++) code = write_file(folder, t, name);
  if (code == CLI_OK) printf("%s: a backend of one op. Next:\n  cd %s && meson setup build && meson test -C build\n  CONVOKE_PLUGIN_PATH=$PWD/build convoke devices\n", folder, folder);
  return code;
}
