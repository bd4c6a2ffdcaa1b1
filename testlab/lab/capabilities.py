"""What this machine gives the clients that are more than a program: None, or what is missing."""

import os
import shutil

from testlab.lab import programs

_CONTROLLERS = "/sys/fs/cgroup/cgroup.controllers"
_DEVICES = "/sys/fs/cgroup/devices"


def lacks(lab, client):
    """Why `client` (a key of programs.CLIENTS) can't run on this machine; None: it can."""
    missing = [
        f"{name} (Debian's {package})"
        for name, package in programs.CLIENTS[client].items()
        if not shutil.which(name)
    ]
    if missing:
        return "not installed: " + ", ".join(missing)
    check = _MORE.get(client)
    return check and check(lab)


def _containerd(lab):
    if not lab.network.has_slow_links:
        return "containerd needs a mount namespace of its own, which is not to be had here"
    if not _is_root():
        return "containerd needs root outside a user namespace: it gives files to other users"
    return None


def _docker(lab):
    if not lab.network.has_slow_links:
        return "dockerd needs a mount namespace of its own, which is not to be had here"
    if not _is_root():
        return "dockerd needs root outside a user namespace"
    if not os.path.exists(_CONTROLLERS) and not os.path.exists(_DEVICES):
        return f"dockerd needs control groups: there is neither {_CONTROLLERS} nor {_DEVICES}"
    return None


_MORE = {"containerd": _containerd, "docker": _docker}


def _is_root():
    """Whether root here is root on the machine."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return os.geteuid() == 0 and file.read().split() == ["0", "0", "4294967295"]
