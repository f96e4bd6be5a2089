#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# opset_cases.sh CONVOKE OPSET_CASES.PY: runs the node cases of opset 1 to 28 that the PyPI package onnx==1.23.2 generates on reference, cpu and
# opencl, but for those whose data is wrong or rounded on the way (opset_errors.txt). Works in the current folder. Skipped (77) where the package can't be installed.
set -u
convoke=$1 generate=$2
errors=$(dirname "$generate")/opset_errors.txt
if [ ! -x onnx-venv/bin/python ] || ! onnx-venv/bin/python -c 'import onnx' 2>/dev/null; then
  python3 -m venv onnx-venv && onnx-venv/bin/pip install -q 'onnx==1.23.2' >pip.log 2>&1 || { echo "skipped: onnx==1.23.2 can't be installed"; exit 77; }
fi
rm -rf opset-cases
onnx-venv/bin/python "$generate" opset-cases 1 28 2>generate.log || { tail -n 5 generate.log; exit 1; }
failed=0 passed=0 skipped=0
for device in reference cpu opencl; do
  "$convoke" devices | grep -q "^$device" || { echo "$device: skipped, no such device"; continue; }
  "$convoke" onnx-test opset-cases --skip "$errors" --device $device >"$device.txt" || cat "$device.txt"
  set -- $(tail -n 1 "$device.txt" | tr -d 'a-z,')
  echo "$device: $(tail -n 1 "$device.txt"); $(grep '^ops of' "$device.txt")"
  [ $# -eq 3 ] || { failed=$((failed + 1)); continue; }
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
