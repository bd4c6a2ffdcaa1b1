"""Layers: tar archives whose bytes depend on nothing but their content.

Members are sorted by path, parents before children; times are zero; owners are numbers. The gzip
header has neither name nor time.
"""

import gzip
import io
import tarfile

# The fastest: most of what layers hold here compresses little, and it is done on two cores.
_GZIP_LEVEL = 1
_DIRECTORY_MODE = 0o755


def clean_path(path):
    """A path as it stands in a layer: without a leading "/" or "./"."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError("%s leaves the image" % path)
    return "/".join(parts)


class Layer:
    """Collects the members of a layer, then writes them in order."""

    def __init__(self):
        self._members = {}  # path -> (TarInfo, content)

    def __contains__(self, path):
        return path in self._members

    def add(self, info, content=b""):
        """Adds a member; a directory may be added again, anything else only once."""
        path = clean_path(info.name)
        if not path:
            return
        before = self._members.get(path)
        if before is not None and not (before[0].isdir() and info.isdir()):
            raise ValueError("two packages bring /%s" % path)
        plain = tarfile.TarInfo(path)
        plain.type = info.type
        plain.mode = info.mode & 0o7777
        plain.uid, plain.gid = info.uid, info.gid
        plain.linkname = clean_path(info.linkname) if info.islnk() else info.linkname
        plain.devmajor, plain.devminor = info.devmajor, info.devminor
        plain.size = len(content)
        self._members[path] = (plain, content)

    def add_file(self, path, content, mode, uid=0, gid=0):
        info = tarfile.TarInfo(path)
        info.mode, info.uid, info.gid = mode, uid, gid
        self.add(info, content)

    def add_directory(self, path, mode=_DIRECTORY_MODE):
        info = tarfile.TarInfo(path)
        info.type, info.mode = tarfile.DIRTYPE, mode
        self.add(info)

    def add_symlink(self, path, target):
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
        self.add(info)

    def _add_missing_parents(self):
        for path in list(self._members):
            parts = path.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                parent = "/".join(parts[:depth])
                if parent not in self._members:
                    self.add_directory(parent)

    def _ordered(self):
        """By path; hard links last, as the file that one names must come before it."""
        paths = sorted(self._members, key=lambda path: path.split("/"))
        members = [self._members[path] for path in paths]
        return sorted(members, key=lambda member: member[0].islnk())

    def write(self, path):
        """Writes the layer, compressed if `path` ends in ".gz"."""
        self._add_missing_parents()
        with open(path, "wb") as file:
            if path.endswith(".gz"):
                with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as compressed:
                    self._write_tar(compressed)
            else:
                self._write_tar(file)

    def _write_tar(self, file):
        with tarfile.open(fileobj=file, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            for info, content in self._ordered():
                tar.addfile(info, io.BytesIO(content))
