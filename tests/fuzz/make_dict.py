#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_dict.py OUT SOURCE...: a libFuzzer dictionary of the words that the ONNX importer knows: operators, attributes, choices of attributes,
keys of external data. They are the quoted words of its sources that look like names."""
import pathlib
import re
import sys

words = set()
for source in sys.argv[2:]:
    text = re.sub(r'/\*.*?\*/', '', pathlib.Path(source).read_text(), flags=re.S)
    words.update(re.findall(r'(?<!#include )"([A-Za-z][A-Za-z0-9_.]{1,30})"', text))
if len(words) < 150:
    sys.exit(f'only {len(words)} words were found in the sources')
pathlib.Path(sys.argv[1]).write_text(''.join(f'"{word}"\n' for word in sorted(words)))
