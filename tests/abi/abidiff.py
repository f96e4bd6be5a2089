#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""abidiff.py SOURCE_ROOT: holds convoke/plugin.h against the types of each published minor, kept as plugin_abi_0.N.xml, by libabigail.

Against the dump of the header's own minor nothing may differ. Against older ones structs may have more fields at their end, enums more values,
and there may be more types: what tools/keep-abi.sh keeps as the next minor. abidiff's exit status does not tell these apart (4 for both), nor
do its suppressions (2.2: one for appended fields also hides changed types), so each line that it writes is read: what is not known to be
growth is a fault. That this sees what it should is tried on headers with changes of each sort.
Rules of docs/plugin-abi.md: G1, G2."""
import os
import pathlib
import platform
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, finish, run, skip  # noqa: E402

SAME, GROWN, CHANGED = 'the same', 'grown', 'changed'
FROZEN = ('cvk_format', 'cvk_arg')  # held by value
HARMLESS = re.compile(r"$|[A-Z]\S.* summary: |(type size hasn't changed|details were reported earlier)$|\d+ (data member|enumerator) insertions?:$|"
                      r"\d+ \w+ types? unreachable from any public interface:$|\d+ Added functions?:$")
CHANGED_TYPE = re.compile(r"(?:\[C\] )?'(?:struct|enum) (\w+)' changed:$")
SIZE = re.compile(r'type size changed from (\d+) to (\d+) \(in bits\)$')
NEW_FIELD = re.compile(r"'.*', at offset (\d+) \(in bits\)$")
NEW = re.compile(r"'\w+::\w+' value '-?\d+'$|\[A\] '.*'")  # an enumerator, a type, a function
NOT_OURS = re.compile(r"\[[AD]\] '(?!.*(?:cvk_|convoke_)).*'")  # what the C library's headers bring along

# Changes of the header and what must be seen. Patterns are of lines as they stand in plugin.h.
TRIALS = [
    ('a comment', r'\A', '/* another comment */\n', SAME),
    ('a field inserted', r'^  int64_t group;', '  int64_t more;\n  int64_t group;', CHANGED),
    ('a field inserted in padding or before the end', r'^  const cvk_quant \*quant;', '  void *more;\n  const cvk_quant *quant;', CHANGED),
    ('a field of another type, same size', r'^  double value;$', '  int64_t value;', CHANGED),
    ('a field of another sign', r'^  int32_t units;', '  uint32_t units;', CHANGED),
    ('fields exchanged', r'^  int32_t type;\n  uint32_t flags;', '  uint32_t flags;\n  int32_t type;', CHANGED),
    ('a field renamed', r'^  int64_t size;', '  int64_t length;', CHANGED),
    ('a longer array', r'^#define CVK_MAX_SPLIT 64', '#define CVK_MAX_SPLIT 65', CHANGED),
    ('a value renumbered', r'CVK_OP_RELU = 32', 'CVK_OP_RELU = 31', CHANGED),
    ('a value removed', r'CVK_OP_GELU = 45, ', '', CHANGED),
    ('a function removed', r'^  cvk_status \(\*buffer_map\)\([^;]*;', '', CHANGED),
    ('the last function removed', r'^  const void \*\(\*extension\)\(cvk_instance[^;]*;', '', CHANGED),
    ('a parameter of another type', r'\(\*device_open\)\(cvk_instance \*inst, int32_t', '(*device_open)(cvk_instance *inst, int64_t', CHANGED),
    ('a parameter more', r'void \(\*event_free\)\(cvk_event \*e\)', 'void (*event_free)(cvk_event *e, int32_t n)', CHANGED),
    ('a result of another type', r'void \(\*kernel_free\)', 'cvk_status (*kernel_free)', CHANGED),
    ('a frozen struct grown', r'^\} cvk_arg;', '  uint64_t more;\n} cvk_arg;', CHANGED),
    ('a field changed and one appended', r'^  int32_t mode;((?:.|\n)*?)^\} cvk_pad_attr;', r'  uint32_t mode;\1  int64_t more;\n} cvk_pad_attr;', CHANGED),
    ('a field appended', r'^\} cvk_post_op;', '  int64_t more;\n} cvk_post_op;', GROWN),
    ('a function appended', r'^\} cvk_backend;', '  cvk_status (*more)(cvk_instance *inst);\n} cvk_backend;', GROWN),
    ('a value appended', r'CVK_IO_ERROR = 17,', 'CVK_IO_ERROR = 17, CVK_MORE = 18,', GROWN),
    ('values appended to two enums', r'(CVK_IO_ERROR = 17,(?:.|\n)*?CVK_PRIVATE = 3,)', r'CVK_MORE = 18, \1 CVK_OTHER = 4,', GROWN),
    ('an enum inserted', r'^(enum \{ CVK_PAD_EXPLICIT)', r'enum { CVK_MORE = 1, CVK_OTHER = 2 };\n\1', GROWN),
    ('the first value removed', r'CVK_PLAIN = 0, ', '', CHANGED),
]


ANONYMOUS = re.compile(r"<enum-decl name='__anonymous_enum__\d*' is-anonymous='yes'([^>]*>\s*<underlying-type[^>]*>\s*<enumerator name='(\w+)')")


def named(path, folder):
    """A copy in which each enum without a name is named after its first value: abidiff pairs them by number, and mistakes several that have grown."""
    copy = pathlib.Path(folder) / path.name
    copy.write_text(ANONYMOUS.sub(r"<enum-decl name='cvk_enum_of_\2'\1", path.read_text()))
    return copy


def compare(kept, now):
    """SAME, GROWN or CHANGED, and the lines that say so."""
    with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
        result = run(['abidiff', '--non-reachable-types', '--harmless', '--leaf-changes-only', named(kept, a), named(now, b)])
    if result.returncode & 3 or result.stderr:
        return CHANGED, [f'abidiff: exit status {result.returncode}: {result.stdout}{result.stderr}']
    grown, faults, name, bits = [], [], '', None
    for line in map(str.strip, result.stdout.splitlines()):
        changed, size, field = CHANGED_TYPE.match(line), SIZE.match(line), NEW_FIELD.match(line)
        if changed:
            name, bits = changed[1], None
        elif size and int(size[1]) < int(size[2]) and name not in FROZEN:
            bits = int(size[1])
        elif field and bits is not None and int(field[1]) >= bits or NEW.match(line) and not NOT_OURS.match(line):
            grown.append(f'{name}: {line}')
        elif not HARMLESS.match(line) and not NOT_OURS.match(line):
            faults.append(f'{name}: {line}')
    return (CHANGED, faults) if faults else (GROWN, grown) if grown else (SAME, [])


def dump(root, include, xml):
    result = run([root / 'tools/keep-abi.sh', '--dump', include, xml])
    return check(f'types of {include}', result.returncode == 0, result.stdout + result.stderr)


def minor_of(header):
    return int(re.search(r'^#define CVK_ABI_MINOR (\d+)', header, re.M)[1])


def check_kept(root, header, now):
    kept = {int(re.search(r'0\.(\d+)', path.name)[1]): path for path in (root / 'tests/abi').glob('plugin_abi_0.*.xml')}
    minor = minor_of(header)
    check('a dump is kept', kept)
    check('CVK_ABI_MINOR', max(kept) <= minor, f'plugin.h has 0.{minor}, 0.{max(kept)} is published')
    if minor not in kept:
        print(f'ABI 0.{minor} is not kept yet: tools/keep-abi.sh does that, at its release')
    for number, path in sorted(kept.items()):
        verdict, lines = compare(path, now)
        details = '\n'.join(lines) + ('\nraise CVK_ABI_MINOR' if verdict == GROWN else '')
        check(f'plugin.h against ABI 0.{number}: {verdict}', verdict == SAME or verdict == GROWN and number < minor, details)
        check(f'{path.name} has no path of the machine that wrote it', "='/" not in path.read_text())


def check_trials(root, header, now, work):
    for what, pattern, to, expected in TRIALS:
        text, n = re.subn(pattern, to, header, flags=re.M)
        folder = work / re.sub(r'\W+', '_', what)
        (folder / 'convoke').mkdir(parents=True)
        (folder / 'convoke/plugin.h').write_text(text)
        if check(f'trial "{what}" has its place in plugin.h', n == 1) and dump(root, folder, folder / 'now.xml'):
            verdict, lines = compare(now, folder / 'now.xml')
            check(f'trial "{what}" is seen: {verdict}, expected {expected}', verdict == expected, '\n'.join(lines))


def skipped(why):
    skip('the types of plugin.h', why)
    finish()
    return 77


def main():
    root = pathlib.Path(sys.argv[1])
    missing = [program for program in ('abidw', 'abidiff', os.environ.get('CC', 'gcc').split()[0]) if not shutil.which(program)]
    if missing:
        return skipped(f'no {missing[0]} here (tools/install-deps.sh --tests installs abigail-tools)')
    if platform.machine() != 'x86_64':
        return skipped(f'the kept ones are of x86-64, this is {platform.machine()}')
    header = (root / 'plugins/include/convoke/plugin.h').read_text()
    with tempfile.TemporaryDirectory() as folder:
        now = pathlib.Path(folder) / 'now.xml'
        if dump(root, root / 'plugins/include', now):
            check_kept(root, header, now)
            check_trials(root, header, now, pathlib.Path(folder))
    return finish()


sys.exit(main())
