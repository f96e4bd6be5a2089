/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h: what the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput, linked with libFuzzer or with replay.c. */
#ifndef CVK_TESTS_FUZZ_H
#define CVK_TESTS_FUZZ_H

#include <convoke/convoke.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many inputs were read to the end; replay.c prints and checks it. */
extern long fuzz_good;
static inline void fuzz_count(int good) {
  fuzz_good += good;
}

static inline void fuzz_stop(const char *why) {
  fprintf(stderr, "%s: %s\n", why, cvk_error_message());
  abort();
}
static inline void fuzz_ok(cvk_status status) {
  if (status != CVK_OK) fuzz_stop("the target itself failed");
}

/* A failure has one sentence, and nothing from the file steers a terminal. */
static inline void fuzz_sentence(void) {
  const char *text = cvk_error_message();
  if (!*text) fuzz_stop("a failure without a sentence");
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 127) fuzz_stop("a control character in the message");
}

#endif
