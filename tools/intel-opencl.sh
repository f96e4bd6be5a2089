#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# intel-opencl.sh FOLDER: puts Intel's OpenCL runtime for CPUs (two packages of PyPI) into FOLDER, unless it is there, and prints the file for
# OCL_ICD_VENDORS that names it. Where it can't be had (no network, another processor) it says so on stderr, and the exit status is 1.
set -eu

[ $# -eq 1 ] || { echo "usage: tools/intel-opencl.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
library=$folder/venv/lib/libintelocl.so
log=$folder/install.log

if [ ! -f "$library" ]; then
  if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/python" -m pip install intel-opencl-rt intel-cmplr-lib-rt; } </dev/null >"$log" 2>&1 ||
    [ ! -f "$library" ]; then
    echo "intel-opencl.sh: Intel's runtime could not be installed, see $log" >&2
    exit 1
  fi
fi
echo "$library" >"$folder/intel.icd"
echo "$folder/intel.icd"
