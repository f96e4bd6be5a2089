/* SPDX-License-Identifier: Apache-2.0 */
/* plugin_template.h: the files of a new plugin (plugins/template), embedded at build time. "@NAME@" in them is the plugin's name. */
#ifndef CVK_PLUGIN_TEMPLATE_H
#define CVK_PLUGIN_TEMPLATE_H

typedef struct template_file { const char *name, *text; } template_file;
extern const template_file template_files[]; /* ends with a NULL name */

#endif
