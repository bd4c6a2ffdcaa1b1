"""A process's blob store as it lies on disk. kraken/storage/blob_store.h has the layout."""

import os
import struct

# kraken/storage/piece_map_file.h
_MAP_HEADER_BYTES = 96
_MAP_PIECE_LENGTH = (">I", 12)
_MAP_BLOB_SIZE = (">Q", 16)
_MAP_RECORD_BYTES = 40
_MAP_FLAGS_OFFSET = 32
_MAP_VERIFIED = 2
_MAP_UNKNOWN_SIZE = 2**64 - 1


class Store:
    """Reads files only: to ask the process would make it fetch what is looked for."""

    def __init__(self, folder):
        self.folder = folder

    def blob_path(self, digest):
        """Where a complete blob's bytes are."""
        digits = digest.removeprefix("sha256:")
        return os.path.join(self.folder, "blobs", digits[:2], digits[2:4], digits, "data")

    def holds(self, digest, size_bytes):
        """Whether the whole blob is there."""
        path = self.blob_path(digest)
        return os.path.exists(path) and os.path.getsize(path) == size_bytes

    def recorded_bytes(self, digest):
        """How much of an arriving blob is on record as verified: a process that starts has it."""
        try:
            with open(self._map_path(digest), "rb") as file:
                return recorded_bytes(file.read())
        except FileNotFoundError:
            return 0

    def piece_bytes(self, digest):
        """The piece length of an arriving blob; None: no such blob is arriving."""
        try:
            with open(self._map_path(digest), "rb") as file:
                (length,) = struct.unpack_from(*_from(_MAP_PIECE_LENGTH, file.read()))
                return length
        except FileNotFoundError:
            return None

    def forget_record(self, digest):
        """Loses what says which pieces of an arriving blob are verified."""
        os.remove(self._map_path(digest))

    def _map_path(self, digest):
        return os.path.join(self.folder, "partial", digest.removeprefix("sha256:"), "map")

    def partials(self):
        """Digests of blobs that have not wholly arrived."""
        return {f"sha256:{name}" for name in self._names("partial")}

    def trash(self):
        """Names of what is being deleted, and of scratch files."""
        return self._names("trash")

    def files(self):
        """{path within the store: bytes on disk} of every file."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    found[os.path.relpath(path, self.folder)] = os.stat(path).st_blocks * 512
                except FileNotFoundError:
                    pass  # It has just gone.
        return found

    def _names(self, folder):
        try:
            return os.listdir(os.path.join(self.folder, folder))
        except FileNotFoundError:
            return []


def recorded_bytes(piece_map):
    """The bytes of the pieces that a file `map` says are verified."""
    if len(piece_map) < _MAP_HEADER_BYTES:
        return 0  # It is being written.
    (piece_length,) = struct.unpack_from(*_from(_MAP_PIECE_LENGTH, piece_map))
    (size,) = struct.unpack_from(*_from(_MAP_BLOB_SIZE, piece_map))
    total = 0
    for piece in range((len(piece_map) - _MAP_HEADER_BYTES) // _MAP_RECORD_BYTES):
        record = _MAP_HEADER_BYTES + piece * _MAP_RECORD_BYTES
        if piece_map[record + _MAP_FLAGS_OFFSET] & _MAP_VERIFIED:
            end = (piece + 1) * piece_length
            total += (end if size == _MAP_UNKNOWN_SIZE else min(end, size)) - piece * piece_length
    return total


def _from(field, content):
    return field[0], content, field[1]
