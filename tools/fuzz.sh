#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh [SECONDS]: the fuzz targets of tests/fuzz under libFuzzer with the address and undefined-behaviour sanitizers, SECONDS each (10), in
# build-fuzz/; what they find is kept in build-fuzz/tests/fuzz/. Ends with "N passed, N failed[, N skipped]".
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/test_functions.sh

tools/install-deps.sh --tests || stop "packages are missing"
folder=build-fuzz
[ -f $folder/build.ninja ] || CC=clang meson setup $folder -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dopencl=disabled \
  -Dbuildtype=debugoptimized >"$log" 2>&1 || stop "meson setup failed"
echo "building the fuzz targets into $folder/"
ninja -C $folder tests/fuzz/fuzz_model tests/fuzz/fuzz_files tests/fuzz/fuzz_replay_model tests/fuzz/fuzz_replay_files tests/fuzz/model.dict >"$log" 2>&1 ||
  stop "the build failed"
pass fuzz FUZZ_SECONDS="${1:-10}" -- --suite fuzz
finish
