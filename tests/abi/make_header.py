#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_header.py next|older PLUGIN_H OUT: convoke/plugin.h of another minor, for the tests of version skew.

next: every growable struct has `int64_t next_field[2]` more, the table a function `next_function` too, and there is an op kind CVK_OP_NEXT.
older: structs end earlier, as if their last fields had come with 0.1; the table ends behind the required functions."""
import pathlib
import re
import sys

STRUCT = re.compile(r'^typedef struct (\w+) \{.*?^\} \1;', re.M | re.S)
APPENDED = {'cvk_backend': '  cvk_status (*next_function)(cvk_instance *inst);\n'}
# The first field that the older minor lacks.
FIRST_ABSENT = {'cvk_tensor_desc': 'const cvk_quant \\*quant', 'cvk_conv_attr': 'int32_t activation', 'cvk_op': 'uint32_t flags',
                'cvk_candidate': 'uint32_t workspace_alignment', 'cvk_host': 'const char \\*\\(\\*option\\)', 'cvk_device_info': 'char isa',
                'cvk_backend': '/\\* optional: packed weights'}


def end_of(name):
    return f'}} {name};'


def grow(match):
    name, text = match[1], match[0]
    if 'uint32_t struct_size;' not in text:
        return text
    return text.removesuffix(end_of(name)) + '  int64_t next_field[2];\n' + APPENDED.get(name, '') + end_of(name)


def cut(match):
    name, text = match[1], match[0]
    if name not in FIRST_ABSENT:
        return text
    kept, n = re.subn(r'^  ' + FIRST_ABSENT[name] + r'.*\Z', end_of(name), text, flags=re.M | re.S)
    assert n == 1, f'{name} has no {FIRST_ABSENT[name]}'
    return kept


def replace_once(text, old, new):
    assert text.count(old) == 1, f'{old} is not there once'
    return text.replace(old, new)


def main():
    way, source, out = sys.argv[1:]
    text = pathlib.Path(source).read_text()
    minor = int(re.search(r'^#define CVK_ABI_MINOR (\d+)', text, re.M)[1])
    other = minor + 1 if way == 'next' else minor - 1
    text = replace_once(text, f'#define CVK_ABI_MINOR {minor}', f'#define CVK_ABI_MINOR {other}')
    text = STRUCT.sub(grow if way == 'next' else cut, text)
    if way == 'next':
        last = max(int(n) for n in re.findall(r'CVK_OP_\w+ = (\d+)', text))
        text = re.sub(rf'(CVK_OP_\w+ = {last},)', rf'\1 CVK_OP_NEXT = {last + 1},', text)
    pathlib.Path(out).write_text(text)


main()
