/* SPDX-License-Identifier: Apache-2.0 */
/* harness.h: shared by all test programs. A program is one test_x.c that defines test_suite() with SUITE(name, test...) and links main.c. */
#ifndef CVK_TESTS_HARNESS_H
#define CVK_TESTS_HARNESS_H

#include <check.h>
#include <convoke/convoke.h>

Suite *test_suite(void);

/* SUITE("conv", test_a, test_b): a suite of one case, 120 s a test. */
#define SUITE(NAME, ...)                                                       \
  Suite *test_suite(void) {                                                    \
    const TTest *const tests[] = {__VA_ARGS__};                                \
    Suite *s = suite_create(NAME);                                             \
    TCase *c = tcase_create(NAME);                                             \
    tcase_set_timeout(c, 120);                                                 \
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)                  \
      tcase_add_test(c, tests[i]);                                             \
    suite_add_tcase(s, c);                                                     \
    return s;                                                                  \
  }

#define ck_ok(CALL)                                                                                      \
  do {                                                                                                   \
    const cvk_status status_ = (CALL);                                                                   \
    ck_assert_msg(status_ == CVK_OK, "%s: %s: %s", #CALL, cvk_status_name(status_), cvk_error_message()); \
  } while (0)

/* The call fails with STATUS and its message contains TEXT. */
#define ck_fails(CALL, STATUS, TEXT)                                                                            \
  do {                                                                                                          \
    const cvk_status status_ = (CALL);                                                                          \
    ck_assert_msg(status_ == (STATUS), "%s: got %s, want %s", #CALL, cvk_status_name(status_), cvk_status_name(STATUS)); \
    ck_assert_msg(strstr(cvk_error_message(), TEXT) != NULL, "message lacks '%s': %s", TEXT, cvk_error_message()); \
  } while (0)

#include <string.h>

#endif
