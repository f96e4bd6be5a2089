#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# on_device.sh CONVOKE DEVICE COMMAND...: runs the program's command with --device DEVICE where a device of that backend is listed.
# on_device.sh CONVOKE DEVICE -- PROGRAM...: runs another program. Without such a device it says so and is skipped (77).
# MESON_EXE_WRAPPER, which meson sets in cross builds, runs what was built.
convoke=$1
device=$2
shift 2
if ! $MESON_EXE_WRAPPER "$convoke" devices | grep -q "^$device"; then
  echo "skipped: no $device device on this machine"
  exit 77
fi
if [ "$1" = -- ]; then
  shift
  exec $MESON_EXE_WRAPPER "$@"
fi
exec $MESON_EXE_WRAPPER "$convoke" "$@" --device "$device"
