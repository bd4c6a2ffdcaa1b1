"""A GET whose body is watched while it arrives."""

import hashlib
import http.client
import threading
import time


class StreamedGet:
    """Reads a body in a thread of its own, and notes when the first byte came.

    `at_first_byte` is called in that thread at that moment; its result is kept.
    """

    _CHUNK_BYTES = 256 << 10

    def __init__(self, place, path, timeout_s, at_first_byte=lambda: None, headers=None):
        self._place = place
        self._headers = headers or {}
        self._path = path
        self._timeout_s = timeout_s
        self._at_first_byte = at_first_byte
        self._sha256 = hashlib.sha256()
        self.received_bytes = 0
        self.expected_bytes = None
        self.status = None
        self.error = None
        self.first_byte_s = None
        self.seen_at_first_byte = None
        self.begin = time.monotonic()
        self.seconds = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._read()
        except (OSError, http.client.HTTPException) as error:
            self.error = error
        self.seconds = time.monotonic() - self.begin

    def _read(self):
        connection = self._place.connect(self._timeout_s)
        try:
            connection.request("GET", self._path, headers=self._headers)
            response = connection.getresponse()
            self.status = response.status
            self.expected_bytes = int(response.headers.get("Content-Length", -1))
            while chunk := response.read1(self._CHUNK_BYTES):
                if self.first_byte_s is None:
                    self.first_byte_s = time.monotonic() - self.begin
                    self.seen_at_first_byte = self._at_first_byte()
                self._sha256.update(chunk)
                self.received_bytes += len(chunk)
            # read1 takes an early end for the end; no client of a registry does.
            if self.received_bytes < self.expected_bytes:
                self.error = http.client.IncompleteRead(
                    b"", self.expected_bytes - self.received_bytes
                )
        finally:
            connection.close()

    @property
    def over(self):
        return not self._thread.is_alive()

    def wait(self, timeout_s):
        """True when it is over."""
        self._thread.join(timeout_s)
        return self.over

    def brought(self, digest, size_bytes):
        """Whether the whole content came, with its digest, and the answer ended as it should."""
        return (
            self.error is None
            and self.status == 200
            and self.received_bytes == size_bytes
            and "sha256:" + self._sha256.hexdigest() == digest
        )

    def __str__(self):
        return (
            f"status {self.status}, {self.received_bytes} of {self.expected_bytes} bytes, "
            f"error {self.error!r}"
        )
