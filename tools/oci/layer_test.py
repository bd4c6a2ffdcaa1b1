"""Layers are the same bytes for the same content, and Debian packages unpack to what dpkg makes."""

import io
import os
import tarfile
import tempfile
import time
import unittest

from tools.oci import debian_layer, layer


def _tar(members, compression="xz"):
    """A tar archive of (name, type, content or link) with times and names that must not matter."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:" + compression) as tar:
        for name, kind, value in members:
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.uname = kind, time.time(), "builder"
            info.mode = 0o755
            content = value if kind == tarfile.REGTYPE else b""
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = value
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _ar(members):
    data = b"!<arch>\n"
    for name, content in members:
        header = "%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, "100644", len(content))
        data += header.encode() + content + b"\n" * (len(content) % 2)
    return data


def _deb(name, members):
    control = _tar([("./control", tarfile.REGTYPE, b"Package: %s\n" % name.encode())])
    return _ar(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz", control),
            ("data.tar.xz", _tar(members)),
        ]
    )


class LayerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def _written(self, target, name="layer.tar.gz"):
        path = os.path.join(self.folder.name, name)
        target.write(path)
        with open(path, "rb") as file:
            return file.read()

    def _names(self, data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return tar.getnames()

    def test_order_of_adding_does_not_matter(self):
        one, other = layer.Layer(), layer.Layer()
        files = [("etc/a", b"a"), ("etc/b/c", b"c"), ("bin/x", b"x")]
        for path, content in files:
            one.add_file(path, content, 0o644)
        for path, content in reversed(files):
            other.add_file(path, content, 0o644)
        self.assertEqual(self._written(one, "one.tar.gz"), self._written(other, "other.tar.gz"))

    def test_times_and_names_of_owners_are_left_out(self):
        target = layer.Layer()
        debian_layer.add_package(target, _deb("p", [("./etc/x", tarfile.REGTYPE, b"x")]))
        with tarfile.open(fileobj=io.BytesIO(self._written(target))) as tar:
            for info in tar:
                self.assertEqual((info.mtime, info.uname, info.gname), (0, "", ""))

    def test_parents_come_before_children(self):
        target = layer.Layer()
        target.add_file("a/b/c", b"", 0o644)
        self.assertEqual(self._names(self._written(target)), ["a", "a/b", "a/b/c"])

    def test_path_out_of_the_image_is_refused(self):
        with self.assertRaises(ValueError):
            layer.Layer().add_file("../etc/passwd", b"", 0o644)

    def test_two_files_of_one_name_are_refused(self):
        target = layer.Layer()
        target.add_file("a", b"1", 0o644)
        with self.assertRaises(ValueError):
            target.add_file("./a", b"2", 0o644)

    def test_packages_go_to_a_merged_usr(self):
        target = layer.Layer()
        members = [
            ("./", tarfile.DIRTYPE, b""),
            ("./bin/", tarfile.DIRTYPE, b""),
            ("./bin/bash", tarfile.REGTYPE, b"elf"),
            ("./bin/rbash", tarfile.SYMTYPE, "bash"),
            ("./bin/hard", tarfile.LNKTYPE, "./bin/bash"),
            ("./usr/bin/clear", tarfile.REGTYPE, b"elf"),
        ]
        debian_layer.add_package(target, _deb("bash", members))
        debian_layer.add_merged_links(target)
        with tarfile.open(fileobj=io.BytesIO(self._written(target))) as tar:
            self.assertEqual(tar.getmember("bin").linkname, "usr/bin")
            self.assertEqual(tar.getmember("usr/bin/rbash").linkname, "bash")
            self.assertEqual(tar.getmember("usr/bin/hard").linkname, "usr/bin/bash")
            self.assertEqual(tar.extractfile("usr/bin/bash").read(), b"elf")
            self.assertEqual(
                tar.extractfile("var/lib/dpkg/status.d/bash").read(), b"Package: bash\n"
            )
            names = tar.getnames()
            self.assertLess(names.index("usr/bin/bash"), names.index("usr/bin/hard"))

    def test_cut_off_package_is_refused(self):
        whole = _deb("p", [("./etc/x", tarfile.REGTYPE, b"x" * 1000)])
        for length in (0, 7, 60, 200, len(whole) - 10):
            with self.assertRaises((ValueError, tarfile.TarError)):
                debian_layer.add_package(layer.Layer(), whole[:length])


if __name__ == "__main__":
    unittest.main()
