"""Unpacks Debian packages to a layer.

  debian_layer.py OUTPUT DEB...

Follows Debian's merged /usr, under which /bin, /sbin and /lib* are links: the files of old packages
go where the links lead. Each package leaves its control file in /var/lib/dpkg/status.d, where
scanners look. No maintainer script is run.
"""

import io
import sys
import tarfile

from tools.oci import layer

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_STATUS_FOLDER = "var/lib/dpkg/status.d"


def ar_members(data):
    """Yields (name, content) of the members of an ar archive, which is what a .deb is."""
    if not data.startswith(_AR_MAGIC):
        raise ValueError("not a Debian package")
    at = len(_AR_MAGIC)
    while at + _AR_HEADER_BYTES <= len(data):
        header = data[at : at + _AR_HEADER_BYTES]
        size = int(header[48:58])
        at += _AR_HEADER_BYTES
        if at + size > len(data):
            raise ValueError("the Debian package is cut off")
        yield header[:16].decode().strip().rstrip("/"), data[at : at + size]
        at += size + size % 2


def _member_tar(data, prefix):
    for name, content in ar_members(data):
        if name.startswith(prefix):
            return tarfile.open(fileobj=io.BytesIO(content), mode="r:*")
    raise ValueError("the Debian package has no %s" % prefix)


def merge_usr(path):
    """Where a path leads in a system with a merged /usr."""
    path = layer.clean_path(path)
    return "usr/" + path if path.split("/", 1)[0] in _MERGED else path


def add_package(target, data):
    """Adds a package's files and its control file to a layer."""
    with _member_tar(data, "data.tar") as files:
        for info in files:
            info.name = merge_usr(info.name)
            if info.islnk():
                info.linkname = merge_usr(info.linkname)
            content = files.extractfile(info).read() if info.isreg() else b""
            target.add(info, content)
    with _member_tar(data, "control.tar") as control_files:
        control = control_files.extractfile("./control").read()
    for line in control.decode().splitlines():
        if line.startswith("Package: "):
            name = line.split(": ", 1)[1]
            target.add_file("%s/%s" % (_STATUS_FOLDER, name), control, 0o644)


def add_merged_links(target):
    """/bin -> usr/bin and so on, for those that lead somewhere in this layer."""
    for name in _MERGED:
        if "usr/" + name in target:
            target.add_symlink(name, "usr/" + name)


def main(arguments):
    target = layer.Layer()
    for path in arguments[2:]:
        with open(path, "rb") as package:
            data = package.read()
        try:
            add_package(target, data)
        except (ValueError, tarfile.TarError, KeyError) as error:
            sys.exit("%s: %s" % (path, error))
    add_merged_links(target)
    target.write(arguments[1])


if __name__ == "__main__":
    main(sys.argv)
