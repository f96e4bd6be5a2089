# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# test_functions.sh: what the test scripts share; they source it in the root of the tree. A pass is one run of meson test; `logs` are those of
# the passes so far, which finish adds up.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
logs=()

# Other settings of the caller's would change what the tests see.
for variable in $(compgen -v CONVOKE_); do
  [ "$variable" = CONVOKE_SHARED ] || unset "$variable"
done

stop() { # what could not be done; the log's end says why
  [ -s "$log" ] && tail -n 30 "$log" >&2
  echo "$(basename "$0"): $*" >&2
  echo "0 passed, 1 failed"
  exit 1
}

build() { # FOLDER, arguments of meson setup
  folder=$1
  shift
  if [ ! -f "$folder/build.ninja" ]; then
    meson setup "$folder" "$@" >"$log" 2>&1 || stop "meson setup failed"
  else
    meson configure "$folder" -Dtests=true >"$log" 2>&1 || stop "meson configure failed"
  fi
  echo "building into $folder/"
  ninja -C "$folder" >"$log" 2>&1 || stop "the build failed"
}

pass() { # NAME, environment..., --, arguments of meson test: in the folder that was built last. Meson adds -SETUP to a log's name.
  local name=$1 settings=()
  shift
  while [ "$1" != -- ]; do settings+=("$1"); shift; done
  shift
  echo "== $name"
  rm -f "$folder/meson-logs/$name.json"
  logs+=("$folder/meson-logs/$name.json")
  env "${settings[@]}" meson test -C "$folder" --no-rebuild --quiet --timeout-multiplier 4 --logbase "${name%-valgrind}" "$@" </dev/null >"$log" 2>&1 || true
}

finish() {
  python3 tools/test_summary.py "${logs[@]}"
}
