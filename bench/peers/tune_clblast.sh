#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tune_clblast.sh FOLDER: lets CLBlast's tuners (package clblast-utils) look for parameters on the first OpenCL device, some two minutes, and leaves
# their files in FOLDER, for CLBLAST_TUNED. A share of the candidates is tried, since each one is a build.
set -e
[ -n "$1" ] || { sed -n '3,4s/^# //p' "$0"; exit 2; }
mkdir -p "$1"
cd "$1"
clblast_tuner_xconvgemm -precision 32 -runs 2 -fraction 8
clblast_tuner_xgemm_direct -precision 32 -runs 2 -m 256 -n 256 -k 256 -fraction 64
clblast_tuner_xgemm -precision 32 -runs 2 -m 512 -n 512 -k 512 -fraction 2048
