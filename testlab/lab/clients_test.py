"""Tests of how the lab compares what a client has unpacked."""

import os
import tempfile
import unittest

from testlab.lab.clients.client import differences_of_tree

_TREE = {"etc/name": b"one", "data/noise": b"\x00" * 100}


class DifferencesOfTreeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for path, content in _TREE.items():
            self._write(path, content)

    def _write(self, path, content):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def test_the_same(self):
        self.assertEqual(differences_of_tree(self.folder, _TREE), [])

    def test_one_byte(self):
        self._write("data/noise", b"\x00" * 99 + b"\x01")
        wrong = differences_of_tree(self.folder, _TREE)
        self.assertEqual(wrong, ["data/noise has other content"])

    def test_one_file_less(self):
        os.remove(os.path.join(self.folder, "etc/name"))
        self.assertEqual(differences_of_tree(self.folder, _TREE), ["etc/name is missing"])

    def test_one_file_more(self):
        self._write("data/gone", b"")
        wrong = differences_of_tree(self.folder, _TREE)
        self.assertEqual(wrong, ["data/gone does not belong to it"])


if __name__ == "__main__":
    unittest.main()
