#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test-aarch64.sh: cross-builds into build-aarch64/ and runs the tests of the ops under qemu-user at every instruction set (scalar, neon).
# Debian's arm64 libraries are unpacked into build-aarch64-sysroot/; the system's packages and their lists stay as they are. Ends with
# "N passed, N failed[, N skipped]".
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/test_functions.sh

tools/install-deps.sh --aarch64 || stop "packages are missing"

sysroot=$PWD/build-aarch64-sysroot
libraries=(libc6-dev check libpthreadpool-dev libcjson-dev libpng-dev libjpeg62-turbo-dev zlib1g-dev)
arm64_apt() { # with lists of packages of its own, and none that is installed
  apt-get -q -y -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Acquire::Languages=none -o Dir::State="$sysroot/apt" \
    -o Dir::State::status="$sysroot/apt/status" -o Dir::Cache="$sysroot/apt" "$@" </dev/null
}
unpack() { # links to /lib then mean the sysroot's
  local package link
  for package in "$sysroot"/apt/archives/*.deb; do dpkg-deb -x "$package" "$sysroot" || return; done
  find "$sysroot" -lname '/*' | while read -r link; do ln -sfn "$sysroot$(readlink "$link")" "$link"; done
}
if [ ! -f "$sysroot/sysroot.ini" ]; then
  echo "unpacking arm64 libraries into $(basename "$sysroot")/"
  rm -rf "$sysroot"
  mkdir -p "$sysroot/apt/lists/partial" "$sysroot/apt/archives/partial"
  : >"$sysroot/apt/status"
  { arm64_apt update && arm64_apt install --download-only --no-install-recommends "${libraries[@]}" && unpack; } >"$log" 2>&1 ||
    stop "no arm64 libraries"
  printf "[constants]\nsysroot = '%s'\n" "$sysroot" >"$sysroot/sysroot.ini"
fi

build build-aarch64 --cross-file "$sysroot/sysroot.ini" --cross-file tools/aarch64-linux-gnu.ini -Dopencl=disabled
pass aarch64 CK_TIMEOUT_MULTIPLIER=10 -- --suite ops --suite cpu --suite selftest --suite api --suite cases --suite onnx \
  --timeout-multiplier 10
finish
