"""Tests of reading a store's files."""

import os
import struct
import tempfile
import unittest

from testlab.lab.store import Store, recorded_bytes

_PIECE = 64 << 10
_DIGEST = "sha256:" + "ab" * 32


def _map(size, verified):
    """A file `map`: kraken/storage/piece_map_file.h."""
    content = bytearray(96)
    struct.pack_into(">8sIIQ", content, 0, b"KHPIEMAP", 1, _PIECE, size)
    for is_verified in verified:
        content += bytes(32) + bytes([3 if is_verified else 1]) + bytes(7)
    return bytes(content)


class RecordedBytesTest(unittest.TestCase):
    def test_the_last_piece_is_as_long_as_it_is(self):
        size = 2 * _PIECE + 5
        self.assertEqual(recorded_bytes(_map(size, [True, False, True])), _PIECE + 5)
        self.assertEqual(recorded_bytes(_map(size, [True, True])), 2 * _PIECE)

    def test_of_an_unknown_size_pieces_are_whole(self):
        self.assertEqual(recorded_bytes(_map(2**64 - 1, [True, True])), 2 * _PIECE)

    def test_what_is_being_written_says_nothing(self):
        self.assertEqual(recorded_bytes(b""), 0)
        self.assertEqual(recorded_bytes(_map(_PIECE, [True])[:-1]), 0)


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.store = Store(folder.name)

    def _write(self, path, content):
        path = os.path.join(self.store.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def test_an_empty_folder_has_nothing(self):
        self.assertEqual(self.store.files(), {})
        self.assertEqual(self.store.partials(), set())
        self.assertIsNone(self.store.piece_bytes(_DIGEST))

    def test_a_part_is_told_until_its_record_is_lost(self):
        self._write(f"partial/{_DIGEST[7:]}/map", _map(3 * _PIECE, [True]))
        self.assertEqual(self.store.partials(), {_DIGEST})
        self.assertEqual(self.store.recorded_bytes(_DIGEST), _PIECE)
        self.assertEqual(self.store.piece_bytes(_DIGEST), _PIECE)
        self.store.forget_record(_DIGEST)
        self.assertEqual(self.store.recorded_bytes(_DIGEST), 0)

    def test_a_blob_is_held_if_it_is_whole(self):
        self._write(f"blobs/ab/ab/{_DIGEST[7:]}/data", b"12345")
        self.assertTrue(self.store.holds(_DIGEST, 5))
        self.assertFalse(self.store.holds(_DIGEST, 6))
        self.assertEqual(list(self.store.files()), [f"blobs/ab/ab/{_DIGEST[7:]}/data"])


if __name__ == "__main__":
    unittest.main()
