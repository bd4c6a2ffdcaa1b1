"""Checks of any text file: white space, merge markers, length, leftovers."""

import re

from tools.linters.problem import Problem

MAX_LINES = 700
MAX_COLUMNS = 100

# Written so that this file does not find itself.
_LEFTOVER = re.compile(r"((//|#) *(TO" r"DO|FIX" r"ME)\b|\b(TO" r"DO|FIX" r"ME)[:(])")
_MERGE_MARKER = re.compile(r"^(<{7}|>{7}|\|{7})( |$)|^={7}$")

# Where a line may be as long as what it names. In C++ clang-format breaks what can be broken.
_LONG_LINES = (
    ".BUILD",
    ".cc",
    ".h",
    ".html",
    ".json",
    ".lock",
    ".md",
    ".patch",
    ".pem",
    ".txt",
    ".yaml",
    ".yml",
    "BUILD.bazel",
    "WORKSPACE",
)
# Where a tab means something.
_TABS = (".patch", ".mk", "Makefile", ".tsv", "/banned_words.txt")
# As they came from elsewhere.
_FOREIGN = (".patch",)


def read_banned(text):
    """Patterns of tools/banned_words.txt: (compiled pattern, reason)."""
    banned = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("\t")
            banned.append((re.compile(pattern), reason.strip()))
    return banned


def check(path, text, banned):
    """All problems of one file."""
    problems = []
    foreign = path.endswith(_FOREIGN)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        found = _check_line(path, line)
        if not foreign:
            found += [reason for pattern, reason in banned if pattern.search(line)]
            if _LEFTOVER.search(line):
                found.append("a leftover note: do it, or file it where work is planned")
        problems += [Problem(path, number, message) for message in found]
    if not text.endswith("\n") and text:
        problems.append(Problem(path, len(lines), "no newline at the end of the file"))
    if text.endswith("\n\n"):
        problems.append(Problem(path, len(lines), "blank lines at the end of the file"))
    if len(lines) > MAX_LINES and not foreign:
        problems.append(Problem(path, 0, "%d lines; split it (limit %d)" % (len(lines), MAX_LINES)))
    return problems


def _check_line(path, line):
    found = []
    if line.endswith((" ", "\t", "\r")) and not path.endswith(_FOREIGN):
        found.append("white space at the end of the line")
    if "\t" in line and not path.endswith(_TABS):
        found.append("a tab")
    if _MERGE_MARKER.match(line):
        found.append("a merge marker")
    if len(line) > MAX_COLUMNS and not path.endswith(_LONG_LINES) and not _is_unbreakable(line):
        found.append("%d columns (limit %d)" % (len(line), MAX_COLUMNS))
    return found


def _is_unbreakable(line):
    """A path, digest or address that no line break can shorten."""
    return max((len(word) for word in line.split()), default=0) > MAX_COLUMNS - 20


def fix(path, text):
    """The text without what can be mended by rule."""
    if path.endswith(_FOREIGN) or not text:
        return text
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n") + "\n"
