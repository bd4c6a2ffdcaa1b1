"""What a process has open, as the kernel tells."""

import os

_DELETED = " (deleted)"


def of(pid):
    """Targets of its descriptors: paths, "socket:[1234]" and the like."""
    folder = f"/proc/{pid}/fd"
    found = []
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(os.path.join(folder, name)))
        except FileNotFoundError:
            pass  # Just closed.
    return found


def deleted_below(pid, folder):
    """Files of a folder that it has open though they have no name any more: they take space."""
    root = os.path.realpath(folder) + os.sep
    return [path for path in of(pid) if path.startswith(root) and path.endswith(_DELETED)]


def pids_with_argument(argument):
    """Of all processes that were started with it."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if argument.encode() in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass  # Just ended.
    return found
