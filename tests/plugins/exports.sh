#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Rules of docs/plugin-abi.md: P1.
# exports.sh NM LIBCONVOKE PLUGIN...: the library exports cvk_ names only, each plugin its entry only.
nm=$1
library=$2
shift 2
passed=0 failed=0
check() { # FILE, what may be exported
  wrong=$("$nm" -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | grep -Ev "$2")
  any=$("$nm" -D --defined-only "$1" | awk '{ print $3 }' | grep -Ec "$2")
  if [ -n "$wrong" ] || [ "$any" -eq 0 ]; then
    echo "FAIL $1 exports: $wrong"
    failed=$((failed + 1))
  else
    passed=$((passed + 1))
  fi
}
check "$library" '^cvk_[a-z0-9_]+$'
for plugin; do check "$plugin" '^convoke_plugin_entry_0$'; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
