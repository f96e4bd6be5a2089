#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FUZZER CORPUS DICT: the fuzzer for $FUZZ_SECONDS (10) from the kept corpus, in NAME.work of the working folder: new inputs are kept in
# NAME.work/new, what breaks something beside it. Prints what was run: executions, coverage, peak memory. Last line: "N passed, N failed".
set -eu
name=$(basename "$1") fuzzer=$(realpath "$1") corpus=$(realpath "$2") dict=$(realpath "$3")
mkdir -p "$name.work/new"
cd "$name.work"
status=0
ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
  "$fuzzer" -max_total_time="${FUZZ_SECONDS:-10}" -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=10 -max_len=16384 -dict="$dict" -seed=1 -print_final_stats=1 \
  -artifact_prefix="$PWD/" new "$corpus" >log 2>&1 || status=$?
grep -E '^#[0-9]+.*(INITED|DONE)|^stat::|ERROR|SUMMARY|runtime error|^artifact|Test unit written' log || true
[ $status -eq 0 ] || tail -n 60 log
[ $status -eq 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit $status
