#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the part of README.md that is counted, between its two marks, or checks it: ops, ONNX operators, and ONNX's node cases by device.

  tools/gen_readme.py build/tools/convoke            writes README.md
  tools/gen_readme.py build/tools/convoke --check    exit status 1 when it is stale, 77 where the node cases or a device are missing"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
BEGIN, END = '<!-- written by tools/gen_readme.py: begin -->', '<!-- end -->'
CASES = '/usr/lib/python3/dist-packages/onnx/backend/test/data/node'
SKIP = 'tests/onnx/suite_errors.txt'
DEVICES = ('cpu', 'opencl', 'reference')


def number(document, pattern):
    return re.search(pattern, (ROOT / document).read_text(encoding='utf-8'), re.MULTILINE).groups()


def missing(text):
    print(f'skipped: {text}')
    sys.exit(77)


def node_cases(program, device):
    command = [program, 'onnx-test', CASES, '--fallback', 'none', '--skip', str(ROOT / SKIP), '--device', device]
    result = subprocess.run(command, text=True, capture_output=True)
    counts = re.search(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', result.stdout, re.MULTILINE)
    if counts is None:
        missing(result.stderr.strip())
    return f'| {device} | {counts[1]} | {counts[2]} | {counts[3] or 0} |'


def text(program):
    ops, = number('docs/ops.md', r'^(\d+) ops\.$')
    operators, opset = number('docs/onnx.md', r'^(\d+) operators, up to opset (\d+)\.$')
    lines = [
        BEGIN, '',
        f'[{ops} ops](docs/ops.md), [{operators} ONNX operators](docs/onnx.md) up to opset {opset}. Of the node cases that come with ONNX (Debian: `libonnx-testdata`):', '',
        '| device | passed | failed | skipped: an operator, type or feature that the device lacks |', '|---|---|---|---|',
        *(node_cases(program, device) for device in DEVICES), '',
        '```sh', f'convoke onnx-test {CASES} --fallback none --skip {SKIP} --device cpu', '```', '', END]
    return '\n'.join(lines)


def main(program, check=''):
    if not pathlib.Path(CASES).is_dir():
        missing(f'no {CASES}')
    old = README.read_text(encoding='utf-8')
    begin, end = old.index(BEGIN), old.index(END) + len(END)
    new = old[:begin] + text(program) + old[end:]
    if check == '--check':
        print(f'{int(new == old)} passed, {int(new != old)} failed')
        if new != old:
            print(f'README.md is stale: run tools/gen_readme.py {program}', file=sys.stderr)
        return 0 if new == old else 1
    README.write_text(new, encoding='utf-8')
    return 0


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ['--check']):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
