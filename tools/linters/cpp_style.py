"""What clang-format and clang-tidy leave open in C++ files."""

import re

from tools.linters.problem import Problem

_BANNED_INCLUDES = {
    "<iostream>": "logging goes through telemetry; iostream runs code before main()",
    "<mutex>": "absl::Mutex carries thread annotations",
    "<shared_mutex>": "absl::Mutex carries thread annotations",
    "<condition_variable>": "absl::Mutex waits for conditions",
    "<regex>": "RE2 has bounded worst cases",
    "<filesystem>": "Google style forbids it; kraken/storage has what is needed",
}
# Third parties' headers that stand in no folder.
_FLAT_HEADERS = ('"sqlite3.h"', '"zlib.h"')
# Programs that talk to a terminal.
_IOSTREAM_ALLOWED = ("_main.cc", "_benchmark.cc", "_test.cc")


def guard_of(path):
    return re.sub(r"[^A-Za-z0-9]", "_", path).upper() + "_"


def check(path, text):
    """All problems of one C++ file."""
    problems = []
    lines = text.splitlines()
    if path.endswith(".h"):
        problems += _check_guard(path, lines)
    for number, line in enumerate(lines, 1):
        include = re.match(r"#include\s+(\S+)", line)
        if include:
            problems += _check_include(path, number, include.group(1))
        if re.match(r"\s*using namespace (?!std::(chrono_)?literals)", line):
            problems.append(Problem(path, number, "using namespace"))
    return problems


def _check_include(path, number, included):
    reason = _BANNED_INCLUDES.get(included)
    if reason and not (included == "<iostream>" and path.endswith(_IOSTREAM_ALLOWED)):
        return [Problem(path, number, "%s: %s" % (included, reason))]
    if included.startswith('"') and "/" not in included and included not in _FLAT_HEADERS:
        return [Problem(path, number, "%s: includes start at the repository's root" % included)]
    return []


def _check_guard(path, lines):
    guard = guard_of(path)
    wanted = ["#ifndef " + guard, "#define " + guard]
    code = [line for line in lines if line.startswith("#")][:2]
    if code != wanted or not lines[-1].startswith("#endif  // " + guard):
        return [Problem(path, 1, "the header guard must be " + guard)]
    return []


def fix(path, text):
    """The text with the right header guard, if it has one at all."""
    if not path.endswith(".h"):
        return text
    found = re.search(r"^#ifndef (\w+)\n#define \1\n", text, re.M)
    if not found:
        return text
    guard = guard_of(path)
    text = text.replace(found.group(0), "#ifndef %s\n#define %s\n" % (guard, guard), 1)
    return re.sub(r"\n#endif[^\n]*\n*$", "\n#endif  // %s\n" % guard, text)
