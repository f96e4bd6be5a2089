#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-memory.sh: the tests of the ops under valgrind (in build/, AVX2 and below) and built with the address and undefined-behaviour
# sanitizers (in build-sanitize/, every instruction set). Ends with "N passed, N failed[, N skipped]".
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/test_functions.sh

tools/install-deps.sh --memory || stop "packages are missing"
build build
pass ops-valgrind -- --setup valgrind --suite ops --suite cpu --timeout-multiplier 20
build build-sanitize -Db_sanitize=address,undefined -Dopencl=disabled
pass ops-sanitize UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 CK_TIMEOUT_MULTIPLIER=10 -- --suite ops --suite cpu --suite selftest \
  --timeout-multiplier 10
finish
