#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test.sh [--long]: installs what is missing, builds into build/, runs the tests, and ends with one line for all of them:
# "N passed, N failed[, N skipped]". --long adds the suite 'long', every instruction set cap, each OpenCL driver by itself and small
# work-groups. Exit status 0 when nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."

long=0
case "${1-}" in
  '') ;;
  --long) long=1 ;;
  *) echo "usage: tools/test.sh [--long]" >&2; exit 2 ;;
esac

stop() { # what could not be done; the log's end says why
  [ -s "$log" ] && tail -n 30 "$log" >&2
  echo "test.sh: $*" >&2
  echo "0 passed, 1 failed"
  exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

tools/install-deps.sh --tests || stop "packages are missing"
if [ ! -f build/build.ninja ]; then
  meson setup build >"$log" 2>&1 || stop "meson setup failed"
else
  meson configure build -Dtests=true >"$log" 2>&1 || stop "meson configure failed"
fi
echo "building into build/"
ninja -C build >"$log" 2>&1 || stop "the build failed"

# Other settings of the caller's would change what the tests see.
for variable in $(compgen -v CONVOKE_); do
  [ "$variable" = CONVOKE_SHARED ] || unset "$variable"
done

logs=()
pass() { # NAME, environment..., --, arguments of meson test
  local name=$1 settings=()
  shift
  while [ "$1" != -- ]; do settings+=("$1"); shift; done
  shift
  echo "== $name"
  rm -f "build/meson-logs/$name.json"
  logs+=("build/meson-logs/$name.json")
  env "${settings[@]}" meson test -C build --no-rebuild --quiet --timeout-multiplier 4 --logbase "$name" "$@" </dev/null >"$log" 2>&1 || true
}

if [ $long -eq 0 ]; then
  pass tests -- --no-suite long
else
  pass tests --
  for isa in scalar sse41 avx2 avx512; do
    pass "tests-$isa" CONVOKE_CPU_ISA=$isa -- --no-suite opencl --no-suite cpu --no-suite ops --no-suite long --no-suite tree
  done
  for icd in /etc/OpenCL/vendors/*.icd; do
    [ -f "$icd" ] || continue
    driver=$(basename "$icd" .icd)
    pass "opencl-$driver" OCL_ICD_VENDORS="$icd" -- --suite opencl
    [ "$driver" = pocl ] || continue
    for items in 16 1; do
      pass "opencl-$driver-groups-of-$items" OCL_ICD_VENDORS="$icd" POCL_MAX_WORK_GROUP_SIZE=$items -- --suite opencl
    done
  done
fi

python3 tools/test_summary.py "${logs[@]}"
