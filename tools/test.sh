#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test.sh [--long]: installs what is missing, builds into build/, runs the tests, and ends with one line for all of them:
# "N passed, N failed[, N skipped]". --long adds the suite 'long', every instruction set cap, each OpenCL driver by itself, small
# work-groups, five minutes of each fuzz target instead of ten seconds, and what test-aarch64.sh and test-memory.sh do. Exit status 0 when
# nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

long=0
case "${1-}" in
  '') ;;
  --long) long=1 ;;
  *) echo "usage: tools/test.sh [--long]" >&2; exit 2 ;;
esac

. tools/test_functions.sh
tools/install-deps.sh --tests || stop "packages are missing"
build build

# Other OpenCL drivers: every op and row on each. Intel's where it installs; Mesa's rusticl computes on the CPU as if it were a GPU.
intel=$(tools/intel-opencl.sh build/intel-opencl) || intel=
on_rusticl() {
  pass opencl-rusticl RUSTICL_ENABLE=llvmpipe OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd -- selftest_opencl opencl_gpu_rows_tiled \
    opencl_gpu_rows_tiny opencl_dense_tiled opencl_norm
}

if [ $long -eq 0 ]; then
  pass tests -- --no-suite long
  on_rusticl
  [ -z "$intel" ] || pass opencl-intel OCL_ICD_VENDORS="$intel" -- selftest_opencl opencl_several opencl_dense opencl_gpu_rows_tiled \
    opencl_gpu_rows_tiny
  tools/fuzz.sh || true
  logs+=(build-fuzz/meson-logs/fuzz.json)
else
  pass tests --
  for isa in scalar sse41 avx2 avx512; do
    pass "tests-$isa" CONVOKE_CPU_ISA=$isa -- --no-suite opencl --no-suite cpu --no-suite ops --no-suite long --no-suite tree
  done
  for icd in /etc/OpenCL/vendors/*.icd $intel; do
    driver=$(basename "$icd" .icd)
    [ -f "$icd" ] && [ "$driver" != rusticl ] || continue
    pass "opencl-$driver" OCL_ICD_VENDORS="$icd" -- --suite opencl
    [ "$driver" = pocl ] || continue
    for items in 16 1; do
      pass "opencl-$driver-groups-of-$items" OCL_ICD_VENDORS="$icd" POCL_MAX_WORK_GROUP_SIZE=$items -- --suite opencl
    done
  done
  on_rusticl
  tools/fuzz.sh 300 || true
  # These print what failed and the sum of their own; here their logs are added up with the others.
  tools/test-aarch64.sh || true
  tools/test-memory.sh || true
  logs+=(build-fuzz/meson-logs/fuzz.json build-aarch64/meson-logs/aarch64.json build/meson-logs/ops-valgrind.json build-sanitize/meson-logs/ops-sanitize.json)
fi

finish
