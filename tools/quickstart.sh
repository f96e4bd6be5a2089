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
$convoke devices
echo
printf '%-8s %-10s %-20s %5s %11s %10s\n' device 'ran on' file digit probability 'latency'
wrong=0
for device in auto cpu opencl; do
  for digit in 0 1 2 3 4 5 6 7 8 9; do
    file=examples/digits/$digit.png
    $convoke run examples/digits/lenet5_digits.onnx "$file" --device $device --repeat 20 >"$log" 2>&1 ||
      fail "$device does not run $file: $(tail -n 1 "$log")"
    awk -v device=$device -v file="$file" -v want=$digit '
      $1 == "top" { split($3, best, "=") }
      $1 == "device" { ran = $2 }
      $1 == "latency_ms" { split($2, median, "=") }
      END {
        printf "%-8s %-10s %-20s %5s %11s %7s ms%s\n", device, ran, file, best[1], best[2], median[2], best[1] == want ? "" : "   WRONG"
        exit best[1] == want ? 0 : 1
      }' "$log" || wrong=$((wrong + 1))
  done
done
[ $wrong -eq 0 ] || fail "$wrong of 30 digits are wrong"
