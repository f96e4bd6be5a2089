/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.h: which files could be plugins, in the order in which they are tried. Opens none of them.
 *
 * Order: the path list (CONVOKE_PLUGIN_PATH or the option: files or folders separated by ':'), the folder convoke/ beside the library,
 * in a build tree its backends/ folders, the libdir compiled in. Within a folder: files named convoke-*.so, sorted by name (bytes). Never
 * the working directory, unless the list names it. */
#ifndef CVK_DISCOVERY_H
#define CVK_DISCOVERY_H

#include <convoke/plugin.h>

typedef struct cvk_plugin_file {
  char *path;    /* absolute where it exists */
  char *stem;    /* NAME of convoke-NAME.so, or NULL (only the path list can give such a file) */
  char *refused; /* why it must not be opened, or NULL */
} cvk_plugin_file;

typedef struct cvk_discovery {
  cvk_plugin_file *file;
  int32_t n_files;
  char **folder; /* searched, in order; "(missing)" behind those that do not exist */
  int32_t n_folders;
} cvk_discovery;

/* path_list may be NULL. On failure (NO_MEMORY) *out is empty. */
cvk_status cvk_discovery_run(const char *path_list, cvk_discovery *out);
void cvk_discovery_free(cvk_discovery *d);

/* The program convoke-probe: beside the installed plugins, or in a build tree. path: PATH_MAX bytes. 0: it is nowhere. */
int cvk_discovery_probe(char *path);

/* Does CONVOKE_BACKENDS ("a,b" keeps those, "^a,b" leaves them out, NULL or "" keeps all) keep this backend? */
int cvk_backend_is_wanted(const char *filter, const char *name);

#endif
