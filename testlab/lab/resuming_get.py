"""A client that does not give up: cut off or refused, it goes on by a range where it was."""

import hashlib
import http.client
import re
import threading

_CHUNK_BYTES = 256 << 10
_PAUSE_S = 0.05
_IDLE_S = 30
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class ResumingGet:
    """Gets a blob in a thread of its own, in as many answers as it takes."""

    def __init__(self, place, path, size_bytes):
        self._place = place
        self._path = path
        self._size = size_bytes
        self._sha256 = hashlib.sha256()
        self.received_bytes = 0
        # Answers that ended too early, and requests that got none or an error.
        self.cuts = 0
        self.refusals = 0
        # What no kill excuses; ends the get.
        self.error = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while self.received_bytes < self._size and not self.error and not self._ended.is_set():
            before = self.received_bytes
            try:
                self._go_on()
            except (OSError, http.client.HTTPException):
                pass
            if self.received_bytes == before:
                self.refusals += 1
                self._ended.wait(_PAUSE_S)
            elif self.received_bytes < self._size:
                self.cuts += 1

    def _go_on(self):
        """One request; what is wrong with its answer goes to `error`."""
        start = self.received_bytes
        connection = self._place.connect(_IDLE_S)
        try:
            headers = {"Range": f"bytes={start}-"} if start else {}
            connection.request("GET", self._path, headers=headers)
            response = connection.getresponse()
            if response.status >= 400:
                return  # A cluster that lost a process may say so.
            self.error = self._problem(response, start)
            while not self.error and (chunk := response.read1(_CHUNK_BYTES)):
                self._sha256.update(chunk)
                self.received_bytes += len(chunk)
        finally:
            connection.close()

    def _problem(self, response, start):
        if not start:
            right = response.status == 200 and int(response.headers["Content-Length"]) == self._size
            return None if right else f"{response.status} {response.headers.items()}"
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        wanted = (start, self._size - 1, self._size)
        if response.status == 206 and found and tuple(map(int, found.groups())) == wanted:
            return None
        return f"from byte {start}: {response.status} {response.headers.items()}"

    def wait(self, timeout_s):
        """True when it is over."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def give_up(self):
        """The client goes away for good."""
        self._ended.set()

    def brought(self, digest):
        """Whether the answers together were the blob."""
        return (
            self.error is None
            and self.received_bytes == self._size
            and "sha256:" + self._sha256.hexdigest() == digest
        )

    def __str__(self):
        return (
            f"{self.received_bytes} of {self._size} bytes, cut off {self.cuts} times, "
            f"refused {self.refusals} times, error {self.error!r}"
        )
