/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: runs the Check suite of a test program; each program defines test_suite(). CK_FORK=no keeps one process (OpenCL). Ends with
 * "N passed, N failed"; exit status 1 when one failed. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  SRunner *runner = srunner_create(test_suite());
  srunner_run_all(runner, CK_NORMAL);
  const int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
  srunner_free(runner);
  printf("%d passed, %d failed\n", run - failed, failed);
  return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
