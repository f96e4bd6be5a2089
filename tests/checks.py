# SPDX-License-Identifier: Apache-2.0
"""checks.py: what the test scripts share: named checks, counted, with the closing line "N passed, N failed[, N skipped]".

A script calls check() and skip() and ends with sys.exit(finish())."""
import subprocess
import sys

passed = failed = skipped = 0


def check(what, ok, details=''):
    """Counts; on failure prints what and the details. Returns ok."""
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f'FAIL {what}' + (f'\n{str(details).rstrip()}' if details else ''))
    return bool(ok)


def skip(what, why):
    global skipped
    skipped += 1
    print(f'SKIP {what}: {why}')


def run(command, **options):
    """subprocess.run with text output of both streams; never raises on an exit status."""
    return subprocess.run([str(part) for part in command], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=300, **options)


def check_run(what, command, **options):
    """run(), counted as a check of exit status 0. Returns the result."""
    result = run(command, **options)
    check(what, result.returncode == 0, f'exit status {result.returncode}\n{result.stdout}{result.stderr}')
    return result


def finish():
    sys.stdout.flush()
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 0 if passed and not failed else 1
