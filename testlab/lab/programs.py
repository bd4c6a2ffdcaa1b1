"""The Debian programs that the lab stands on."""

import os
import re
import shutil

from testlab.lab.errors import LabError

# Where Debian keeps programs for root; a test's PATH may lack them.
_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# program: its package, which tools/debian-packages.txt has.
PROGRAMS = {
    "curl": "curl",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
    "ip": "iproute2",
    "openssl": "openssl",
    "redis-server": "redis-server",
    "skopeo": "skopeo",
}

# What each client needs, {client: {program: package}}. The lab runs without them, and says so.
CLIENTS = {
    "buildah": {"buildah": "buildah"},
    "containerd": {"containerd": "containerd", "ctr": "containerd"},
    "docker": {"dockerd": "docker.io", "docker": "docker.io"},
    "podman": {"podman": "podman"},
}

# What measurements need besides.
MEASUREMENTS = {"serving": {"nginx": "nginx-light", "wrk": "wrk"}}


def path():
    """PATH for everything that the lab starts."""
    return os.environ.get("PATH", "") + ":" + _FOLDERS


def _which(name):
    return shutil.which(name, path=path())


def missing(which=_which):
    """Packages of which a program is not there."""
    return sorted({package for name, package in PROGRAMS.items() if not which(name)})


def require_for(measurement):
    """LabError names what to install for it."""
    programs = MEASUREMENTS[measurement]
    packages = sorted({package for name, package in programs.items() if not _which(name)})
    if packages:
        raise LabError(f"Debian packages are missing: apt-get install {' '.join(packages)}")


def require():
    """LabError names what to install."""
    packages = missing()
    if packages:
        raise LabError(
            "Debian packages are missing. Install them with\n\n"
            f"    apt-get install {' '.join(packages)}\n\n"
            "or let ./bazelw do it: ./bazelw --install test"
        )


def listed_packages(text):
    """Names in the text of tools/debian-packages.txt."""
    return set(re.findall(r"^([a-z0-9][a-z0-9.+-]*)\s+\w", text, re.MULTILINE))
