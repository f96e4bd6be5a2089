/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h: for tests that load plugins: a temporary folder with the wanted modules in it, and a context that looks there. */
#ifndef CVK_TESTS_SANDBOX_H
#define CVK_TESTS_SANDBOX_H

#include <convoke/convoke.h>

/* A new empty folder. The text is static: one sandbox a test (tests run in processes of their own). */
const char *sandbox_folder(void);
/* A further folder. */
const char *sandbox_second_folder(void);
/* Copies the test module (built in tests/plugins/modules) to FOLDER/convoke-NAME.so. */
void sandbox_add(const char *folder, const char *module, const char *name);
/* Any file as FOLDER/FILE. */
void sandbox_copy(const char *from, const char *folder, const char *file);
void sandbox_write(const char *folder, const char *file, const char *text);
/* Removes both folders with all that is in them. */
void sandbox_remove(void);

/* A context that reads no environment and searches `path` first. */
cvk_context *sandbox_context(const char *path);
/* The verdict on the file whose path ends with `end`; fails the test when there is none. */
cvk_plugin_verdict sandbox_verdict(cvk_context *ctx, const char *end);

#endif
