#!/usr/bin/env python3
"""Pins the packages of a lock file at the versions that Debian serves now.

  tools/oci/pin_debian_packages.py LOCK [NAME...]

Comments, order and names stay; NAMEs are added at the end. The system's own apt state is not used,
so the versions are today's. Read the difference, build, and commit it.
"""

import os
import subprocess
import sys
import tempfile

_FLAGS = [
    "-q",
    "-o",
    "Dir::Cache::pkgcache=",
    "-o",
    "Dir::Cache::srcpkgcache=",
    "-o",
    "Acquire::Languages=none",
    "-o",
    "APT::Sandbox::User=root",
]


def _apt(lists, program, *arguments):
    command = [program, *_FLAGS, "-o", "Dir::State::Lists=" + lists, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("%s failed:\n%s" % (" ".join(command), done.stderr))
    return done.stdout


def _newest(lists, names):
    """{name: (version, sha256)} of each package's candidate."""
    pins = {}
    name = version = None
    # The candidate is the first record of each package that apt-cache prints.
    records = _apt(lists, "apt-cache", "show", "--no-all-versions", *names)
    for line in records.splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value
        elif key == "Version":
            version = value
        elif key == "SHA256":
            pins.setdefault(name, (version, value))
    return pins


def _name(line):
    words = line.split("#")[0].split()
    return words[0] if words else None


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    path = arguments[1]
    with open(path, encoding="utf-8") as lock:
        lines = lock.read().splitlines() + arguments[2:]
    names = [name for name in map(_name, lines) if name]
    with tempfile.TemporaryDirectory() as lists:
        os.mkdir(os.path.join(lists, "partial"))
        _apt(lists, "apt-get", "update")
        pins = _newest(lists, names)
    missing = sorted(set(names) - set(pins))
    if missing:
        sys.exit("Debian has no package named: " + ", ".join(missing))
    changed = 0
    for i, line in enumerate(lines):
        name = _name(line)
        if name:
            lines[i] = "%s %s %s" % (name, *pins[name])
            changed += lines[i] != line
    with open(path, "w", encoding="utf-8") as lock:
        lock.write("\n".join(lines) + "\n")
    print("%s: %d packages, %d changed" % (path, len(names), changed))


if __name__ == "__main__":
    main(sys.argv)
