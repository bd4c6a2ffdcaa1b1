"""Which files are ours to check."""

import os
import subprocess

# Bytes for parsers, kept as they are.
_DATA_FOLDERS = ("testdata",)


def tracked_files(root):
    """Paths relative to `root` of all text files of ours, sorted."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            capture_output=True,
        ).stdout.decode()
        paths = [path for path in listed.split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        paths = list(_walk(root))
    return sorted(path for path in paths if _is_text(root, path))


def _walk(root):
    """The checkout without git (an unpacked archive)."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [
            name
            for name in subfolders
            if name != ".git" and not os.path.islink(os.path.join(folder, name))
        ]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def _is_text(root, path):
    if any(part in _DATA_FOLDERS or part.startswith("bazel-") for part in path.split("/")):
        return False
    full = os.path.join(root, path)
    if os.path.islink(full) or not os.path.isfile(full):
        return False
    with open(full, "rb") as file:
        return b"\0" not in file.read(8192)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", newline="") as file:
        return file.read()


def write(root, path, text):
    with open(os.path.join(root, path), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def is_cpp(path):
    """C++ of ours; third parties' configuration headers keep the look of where they belong."""
    return path.endswith((".h", ".cc")) and not path.startswith("third_party/")


def is_build(path):
    return os.path.basename(path) in ("BUILD.bazel", "BUILD", "WORKSPACE") or path.endswith(
        (".bzl", ".BUILD")
    )


def is_shell(root, path):
    if path.endswith(".sh"):
        return True
    if "." in os.path.basename(path):
        return False
    first = read(root, path).split("\n", 1)[0]
    return first.startswith("#!") and first.endswith(("/sh", "/bash", " sh", " bash"))


def is_python(root, path):
    if path.endswith(".py"):
        return True
    if "." in os.path.basename(path):
        return False
    first = read(root, path).split("\n", 1)[0]
    return first.startswith("#!") and "python3" in first
