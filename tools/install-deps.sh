#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh [--tests|--aarch64|--memory]: installs with apt-get what is missing to build Convoke on Debian 12 and, with --tests, to run
# all its tests; with the others, what tools/test-aarch64.sh and tools/test-memory.sh need besides. Says and does nothing when all of it
# is there. Needs root or sudo only when something is missing.
set -eu

build='gcc libc6-dev meson ninja-build pkg-config python3 ocl-icd-opencl-dev opencl-headers pocl-opencl-icd libpthreadpool-dev libpng-dev
  libjpeg62-turbo-dev zlib1g-dev libcjson-dev libxxhash-dev libclblast-dev'
tests='abigail-tools check clang libclang-rt-14-dev libdnnl-dev libopenblas-serial-dev libonnx-testdata libonnx-dev libprotobuf-c-dev
  protobuf-c-compiler oclgrind make mesa-opencl-icd python3-venv'
aarch64='gcc-aarch64-linux-gnu qemu-user'
memory='valgrind'

case "${1-}" in
  '') wanted=$build ;;
  --tests) wanted="$build $tests" ;;
  --aarch64) wanted="$build $tests $aarch64" ;;
  --memory) wanted="$build $tests $memory" ;;
  *) echo "usage: tools/install-deps.sh [--tests|--aarch64|--memory]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "install-deps.sh knows Debian only; install the counterparts of: $(echo $wanted)" >&2
  exit 1
fi

missing=
for package in $wanted; do
  case "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" in
    installed) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null; then
  as_root=sudo
else
  echo "install-deps.sh needs root or sudo to install:$missing" >&2
  exit 1
fi

apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@" </dev/null >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing:$missing"
# A fresh machine has no package lists, an old one may have stale ones: they are fetched when the first try fails.
if ! apt install $missing; then
  if ! { apt update && apt install $missing; }; then
    tail -n 20 "$log" >&2
    echo "install-deps.sh could not install:$missing" >&2
    exit 1
  fi
fi
