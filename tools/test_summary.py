#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the last lines "N passed, N failed[, N skipped]" of all programs in meson's test logs (one JSON object a line).

  tools/test_summary.py build/meson-logs/testlog.json...

A program that ends without its line counts as one failure, or as one skip where it says that it skipped (exit status 77). Shows the
end of the output of each program that failed. Exit status 0 when something passed and nothing failed."""
import json
import os
import re
import sys

LINE = re.compile(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', re.MULTILINE)
SHOWN_LINES = 25


def count(test):
    """(passed, failed, skipped) of one program."""
    lines = LINE.findall(test.get('stdout') or '')
    if lines:
        passed, failed, skipped = (int(n or 0) for n in lines[-1])
        if test['result'] not in ('OK', 'SKIP') and failed == 0:
            failed = 1
        return passed, failed, skipped
    return (0, 0, 1) if test['result'] == 'SKIP' else (0, 1, 0)


def show(log, test):
    print(f'--- {test["name"]} ({log}): {test["result"]}, exit status {test["returncode"]}, {test["duration"]:.1f} s')
    text = (test.get('stdout') or '') + (test.get('stderr') or '')
    for line in text.rstrip().splitlines()[-SHOWN_LINES:]:
        print(f'    {line}')


def main(paths):
    total = [0, 0, 0]
    slowest = []
    for path in paths:
        log = os.path.basename(path).removesuffix('.json')
        try:
            with open(path, encoding='utf-8') as f:
                tests = [json.loads(line) for line in f if line.strip()]
        except OSError as e:
            print(f'--- {log}: no test ran: {e.strerror}')
            total[1] += 1
            continue
        for test in tests:
            counts = count(test)
            total = [a + b for a, b in zip(total, counts)]
            slowest.append((test['duration'], test['name'].split(' / ')[-1]))
            if counts[1]:
                show(log, test)
            elif counts == (0, 0, 1):
                reason = (test.get('stdout') or test.get('stderr') or '').strip().splitlines()
                print(f'skipped {test["name"]}: {reason[-1] if reason else "no reason given"}')
    print('slowest: ' + ', '.join(f'{name} {seconds:.1f} s' for seconds, name in sorted(slowest, reverse=True)[:5]))
    passed, failed, skipped = total
    print(f'{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
