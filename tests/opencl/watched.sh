#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# watched.sh OCLGRIND PROGRAM [CLASS]: runs a test program in Oclgrind, which looks for accesses outside buffers, data races and wrong API calls. Fails
# when the program does or when Oclgrind has anything to say. CLASS: of kernels, by default that of a GPU, with real work-groups.
log=$(mktemp) || exit 1
CONVOKE_CL_CLASS=${3:-gpu} "$1" --data-races --check-api --log "$log" "$2"
status=$?
if [ -s "$log" ]; then
  head -n 40 "$log"
  status=1
fi
rm -f "$log"
exit $status
