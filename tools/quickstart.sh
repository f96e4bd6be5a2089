#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh: from a fresh checkout to results: installs what is missing, builds into build/, lists the devices, and classifies the
# pictures of examples/digits on each of auto, cpu and opencl. Exit status 1 with a sentence when a device is missing or a digit is wrong.
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "quickstart: $*" >&2
  exit 1
}

tools/install-deps.sh
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ ! -f build/build.ninja ]; then
  meson setup build -Dtests=false >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "meson setup failed"; }
fi
echo "building into build/"
ninja -C build tools/convoke backends/cpu/convoke-cpu.so backends/opencl/convoke-opencl.so >"$log" 2>&1 ||
  { tail -n 20 "$log" >&2; fail "the build failed"; }

convoke=build/tools/convoke
echo
$convoke devices || fail "convoke devices ended with status $?: a driver may be broken; OCL_ICD_VENDORS chooses another"
echo
# One line of results: "digit probability median_ms device".
classify() { # DEVICE FILE
  $convoke run examples/digits/lenet5_digits.onnx "$2" --device "$1" --repeat 50 >"$log" 2>&1 || fail "$1 does not run $2: $(tail -n 1 "$log")"
  awk '$1 == "top" { split($3, best, "=") }
       $1 == "device" { ran = $2 }
       $1 == "latency_ms" { split($2, median, "=") }
       END { print best[1], best[2], median[2], ran }' "$log"
}

printf '%-22s %5s %11s %13s %11s %14s\n' file digit probability 'ms on auto' 'ms on cpu' 'ms on opencl'
wrong=
for digit in 0 1 2 3 4 5 6 7 8 9; do
  file=examples/digits/$digit.png
  line=
  for device in auto cpu opencl; do
    result=$(classify $device $file) # a failure inside ends the script: set -e
    set -- $result
    [ "$1" = $digit ] || wrong="$wrong $file on $device is taken for $1;"
    [ -n "$line" ] || line="$1 $2"
    line="$line $3"
  done
  printf '%-22s %5s %11s %13s %11s %14s\n' $file $line
done
[ -z "$wrong" ] || fail "wrong:$wrong"
