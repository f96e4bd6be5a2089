/* SPDX-License-Identifier: Apache-2.0 */
/* data_folder.h: folders of pictures, one a class (see data.h), and the listing of folders. */
#ifndef CVK_DATA_FOLDER_H
#define CVK_DATA_FOLDER_H

#include "data.h"

typedef struct name_list { int64_t n; char **item; } name_list;

/* The names in a folder that `keep` keeps, sorted by bytes; hidden ones never. 0: error says why. */
int name_list_read(const char *folder, int (*keep)(const char *path), name_list *out, char error[TOOL_ERROR_BYTES]);
void name_list_free(name_list *l);

int path_is_folder(const char *path);
int path_is_file(const char *path);
/* "FOLDER/NAME", for free(). NULL: no memory. */
char *path_join(const char *folder, const char *name);

/* classes: the folder's own folders, at least one. Fills all of `out`; 0: error says why. */
int data_folder_load(const char *path, const name_list *folders, const data_wish *wish, data_set *out, char error[TOOL_ERROR_BYTES]);

/* One sentence; returns 0. */
int data_fail(char error[TOOL_ERROR_BYTES], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
