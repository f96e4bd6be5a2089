#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# keep-abi.sh: keeps what a release publishes of the plugin boundary, for the minor that plugin.h has now: tests/abi/plugin_abi_0.N.xml (all
# types, by abidw) and tests/abi/kept/convoke-abi0_N.so (a plugin's binary, x86-64). What is kept already is never replaced.
#   tools/keep-abi.sh                     keeps what is missing
#   tools/keep-abi.sh --check             builds both again and compares them with what is kept; exit status 1: another binary or dump
#   tools/keep-abi.sh --replace           before the release only: keeps both anew
#   tools/keep-abi.sh --dump INCLUDE XML  writes the types of INCLUDE/convoke/plugin.h; tests/abi/abidiff.py compares by it
# CC is the compiler (gcc). Same compiler, same bytes: nothing of this machine or folder is inside.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
include=$root/plugins/include
cc=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Types that no function names, the enums, are in the debug information too.
dump() { # INCLUDE XML
  (cd "$root/tests/abi" && $cc -std=c99 -g -O0 -fno-eliminate-unused-debug-types -fPIC -shared -fvisibility=hidden -I"$1" surface.c -o "$work/surface.so")
  abidw --load-all-types --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names --out-file "$2" "$work/surface.so"
}

plugin() { # SOURCE SO
  (cd "$root/tests/abi/kept" && $cc -std=c99 -O2 -fPIC -shared -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Werror -I"$include" \
    "$1" -o "$2" -s -Wl,--build-id=none -Wl,-z,noseparate-code)
}

if [ "${1-}" = --dump ]; then
  dump "$(cd "$2" && pwd)" "$3"
  exit
fi
mode=${1-}
case "$mode" in
  '' | --check | --replace) ;;
  *) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac

major=$(sed -n 's/^#define CVK_ABI_MAJOR \([0-9]*\).*/\1/p' "$include/convoke/plugin.h")
minor=$(sed -n 's/^#define CVK_ABI_MINOR \([0-9]*\).*/\1/p' "$include/convoke/plugin.h")
source=abi${major}_$minor.c
[ -f "$root/tests/abi/kept/$source" ] || { echo "keep-abi.sh: write tests/abi/kept/$source first: the plugin of ABI $major.$minor" >&2; exit 1; }
dump "$include" "$work/types.xml"
sed '1a <!-- SPDX-License-Identifier: Apache-2.0 -->' "$work/types.xml" >"$work/dump.xml" # abidiff wants its own line first
plugin "$source" "$work/plugin.so"

status=0
keep() { # NEW KEPT
  if [ ! -e "$root/$2" ] || [ "$mode" = --replace ]; then
    if [ "$mode" = --check ]; then echo "missing: $2"; status=1; return; fi
    cp "$1" "$root/$2"
    echo "kept: $2"
  elif cmp -s "$1" "$root/$2"; then
    echo "the same: $2"
  else
    echo "differs: $2"
    status=1
  fi
}
keep "$work/dump.xml" "tests/abi/plugin_abi_$major.$minor.xml"
keep "$work/plugin.so" "tests/abi/kept/convoke-abi${major}_$minor.so"
exit $status
