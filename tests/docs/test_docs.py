#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_docs.py SOURCE_ROOT BUILD_ROOT: what the documents say is so: variables and settings, commands and flags of the program, links, files,
tests, numbers of ops, the C example. And of every file: its license line, no path of somebody's machine."""
import pathlib
import re
import shutil
import sys
import tempfile

import checks
from checks import finish, run, skip

SOURCES = ('api', 'plugins', 'backends', 'tools', 'bench', 'examples', 'kernels_cl', 'tests')
NO_LICENSE_LINE = ('.md', '.json', '.csv', '.txt', '.png', '.onnx', '.clang-format', '.gitignore', 'LICENSE', '.npy', '.gz', '.pb', '.abi')
MACHINE_PATH = re.compile(r'(?:/work|/home/\w+|/root|/Users/\w+)/\w')


faults = []


def check(what, ok, details=''):
    """Many small ones make one check of the closing line: report() counts them."""
    if not ok:
        faults.append(what + (f': {details}'.rstrip() if details else ''))
    return bool(ok)


def report(what, function, *arguments):
    faults.clear()
    function(*arguments)
    checks.check(what, not faults, '\n'.join(faults))


def files_of(root):
    """Tracked files; all files outside build folders where there is no git checkout."""
    listed = run(['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']) if shutil.which('git') else None
    if listed and listed.returncode == 0:
        names = [name for name in listed.stdout.split('\0') if name]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob('*') if p.is_file()]
        names = [name for name in names if not name.startswith(('build', '.git/'))]
    return [name for name in names if (root / name).is_file()]


def read(path):
    try:
        return path.read_text(encoding='utf-8')
    except UnicodeDecodeError:
        return None


def check_variables(root, files):
    doc = read(root / 'docs' / 'environment.md')
    documented = set(re.findall(r'`(CONVOKE_[A-Z_]+)', doc))
    used, settings = {}, {}
    for name in files:
        if not name.startswith(SOURCES) or not name.endswith(('.c', '.h', '.py', '.sh', '.cl')):
            continue
        text = read(root / name)
        for variable in re.findall(r'"(CONVOKE_[A-Z_]+)"', text):
            used.setdefault(variable, name)
        if name.startswith('backends/'):
            for setting in re.findall(r'option\([^;()]*?"(\w+)"\)', text):
                settings.setdefault(setting, name)
        if name.startswith(('api/', 'plugins/', 'tools/')):
            for variable in re.findall(r'(?:getenv|setenv)\("(\w+)"', text):
                check(f'docs/environment.md tells of {variable} ({name})', f'`{variable}' in doc)
    for variable, name in sorted(used.items()):
        check(f'docs/environment.md tells of {variable} ({name})', variable in documented)
    for setting, name in sorted(settings.items()):
        check(f'docs/environment.md tells of the setting {setting} ({name})', f'| `{setting}` |' in doc)
    for variable in sorted(documented - set(used)):
        check(f'{variable} of docs/environment.md is read somewhere',
              any(variable in (read(root / name) or '') for name in files if name.startswith(SOURCES + ('meson.build',))))


def commands_in(text):
    """The command lines of the shell blocks, comments cut off."""
    for block in re.findall(r'^```sh\n(.*?)^```', text, re.MULTILINE | re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            line = re.sub(r'\s#.*', '', line).strip()
            if line and not line.startswith('#'):
                yield line


def check_commands(root, build, documents):
    """Each `convoke COMMAND --flag` is known to the program; each script and each named file of ours is there."""
    help_text = {}
    for name in documents:
        for line in commands_in(read(root / name)):
            for part in re.split(r'&&|\||;', line):
                words = part.split()
                while words and re.match(r'^[A-Z_]+=', words[0]):
                    words.pop(0)
                if not words:
                    continue
                if words[0].startswith(('./tools/', 'tools/')):
                    check(f'{name}: {words[0]} is there', (root / words[0]).is_file())
                if pathlib.Path(words[0]).name != 'convoke' or len(words) < 2:
                    continue
                if words[1] not in help_text:
                    result = run([build / 'tools' / 'convoke', words[1], '--help'])
                    help_text[words[1]] = result.stdout if result.returncode == 0 else None
                if not check(f'{name}: convoke {words[1]} is a command', help_text[words[1]] is not None, line):
                    continue
                for flag in words[2:]:
                    if flag.startswith('--'):
                        check(f'{name}: convoke {words[1]} has {flag}', re.search(rf'^\s+{flag}\b', help_text[words[1]], re.MULTILINE), line)


def check_links(root, documents):
    for name in documents:
        for target in re.findall(r'\]\(([^)#:]+)\)', read(root / name)):
            check(f'{name}: the link {target} leads somewhere', ((root / name).parent / target).exists())


def check_names(root, files):
    """Files, in backquotes with a known folder in front, and tests named in the rules."""
    for name in ('docs/architecture.md', 'docs/plugin-guide.md', 'docs/performance.md', 'CONTRIBUTING.md', 'README.md'):
        for path in re.findall(r'`((?:api|plugins|backends|kernels_cl|tools|tests|bench|docs|examples)/[\w/.-]*)', read(root / name)):
            check(f'{name}: {path} is there', (root / path).exists() or (root / path.rstrip('.')).exists() or re.search(r'NAME|X_|(?<![a-z])x(?![a-z])', path))
    for row in re.findall(r'^\| ([GPH]\d+) \|.*\| ([^|]*) \|$', read(root / 'docs/plugin-abi.md'), re.MULTILINE):
        guard = row[1].strip()
        if guard == '-':
            continue
        for test in re.findall(r'`([\w/.*-]+)`', guard):
            pattern = f'tests/{test}' if '.' in test else f'tests/{test}.c' if '/' in test and '*' not in test else f'tests/{test}'
            check(f'rule {row[0]}: its guard {test} is there', list(root.glob(pattern)) or (root / 'tests' / test).is_dir(), pattern)


def check_version(root):
    version = re.search(r"version: '([\d.]+)'", read(root / 'meson.build')).group(1)
    check('CHANGELOG.md begins with this version', re.search(r'^## (\S+)', read(root / 'CHANGELOG.md'), re.MULTILINE).group(1) == version)


def check_example(root, build):
    """The C program of README.md compiles without a warning and runs from the source root."""
    code = re.search(r'^```c\n(.*?)^```', read(root / 'README.md'), re.MULTILINE | re.DOTALL).group(1)
    if not list(build.glob('api/libconvoke.so')):
        return skip('the example of README.md', 'no libconvoke')
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / 'readme.c', pathlib.Path(folder) / 'readme'
        source.write_text(code)
        result = run(['cc', '-std=c11', '-Wall', '-Wextra', '-Werror', source, '-o', program, f'-I{root}/api/include', f'-I{root}/plugins/include',
                      f'-L{build}/api', '-lconvoke', f'-Wl,-rpath,{build}/api'])
        if 'sanitizer' in result.stderr or '__asan' in result.stderr:
            return skip('the example of README.md', 'a sanitizer build')
        if check('the example of README.md compiles', result.returncode == 0, result.stderr):
            result = run([program], cwd=root)
            check('the example of README.md runs', result.returncode == 0 and 0 < float(result.stdout or 0) < 1, result.stdout + result.stderr)


def check_rules(root, files):
    """Each numbered rule of the plugin boundary has a guard that names it: a test below tests/, or the conformance program."""
    doc = read(root / 'docs' / 'plugin-abi.md')
    rules = re.findall(r'^\| ([GPH]\d+) \|.*\| ([^|]+) \|$', doc, re.MULTILINE)
    check('docs/plugin-abi.md has its rules', len(rules) >= 45, len(rules))
    for rule, guards in rules:
        folders = [f'tests/{guard.rstrip("*")}' for guard in re.findall(r'`([^`]+)`', guards)]
        folders += ['plugins/conformance/'] if 'conformance' in guards else []
        guarding = [name for name in files if name.startswith(tuple(folders)) and re.search(rf'\b{rule}\b', read(root / name) or '')]
        check(f'rule {rule} is named by its guard ({guards})', guarding)


def check_files(root, files):
    for name in files:
        text = read(root / name)
        if text is None or name.startswith('tests/fuzz/corpus/'):
            continue
        if not name.endswith(NO_LICENSE_LINE):
            check(f'{name} has its license line', 'SPDX-License-Identifier: Apache-2.0' in '\n'.join(text.splitlines()[:2]))
        found = MACHINE_PATH.search(text)
        check(f'{name} names no path of a machine', found is None, found and found.group(0))


def main(root, build):
    root, build = pathlib.Path(root), pathlib.Path(build)
    files = files_of(root)
    documents = [name for name in files if name.endswith('.md')]
    report('variables and settings are in docs/environment.md', check_variables, root, files)
    report('commands and flags exist', check_commands, root, build, documents)
    report('links lead somewhere', check_links, root, documents)
    report('named files and tests exist', check_names, root, files)
    report('rules of the plugin boundary have guards', check_rules, root, files)
    report('the version is that of CHANGELOG.md', check_version, root)
    report('the example of README.md', check_example, root, build)
    report('license lines, and no path of a machine', check_files, root, files)
    return finish()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
