"""Tests of watching a body while it arrives."""

import hashlib
import socket
import threading
import unittest

from testlab.lab.streamed import StreamedGet
from testlab.lab.web import Place

_BODY = b"0123456789"
_DIGEST = "sha256:" + hashlib.sha256(_BODY).hexdigest()
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
_TIMEOUT_S = 20


class StreamedGetTest(unittest.TestCase):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.place = Place("127.0.0.1", self.listener.getsockname()[1])

    def _serve(self, *parts, gate=None):
        """Answers one request with the parts; waits for the gate after the first."""

        def serve():
            connection, _ = self.listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(parts[0])
                if gate:
                    gate.wait(_TIMEOUT_S)
                for part in parts[1:]:
                    connection.sendall(part)

        threading.Thread(target=serve, daemon=True).start()

    def test_notes_the_first_byte_before_the_last_has_come(self):
        gate = threading.Event()
        self._serve(_HEAD + _BODY[:1], _BODY[1:], gate=gate)
        get = StreamedGet(self.place, "/", _TIMEOUT_S, lambda: (gate.set(), "seen")[1])
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertEqual(get.seen_at_first_byte, "seen")
        self.assertTrue(get.brought(_DIGEST, len(_BODY)), str(get))

    def test_a_body_that_is_cut_off_is_not_whole(self):
        self._serve(_HEAD + _BODY[:5])
        get = StreamedGet(self.place, "/", _TIMEOUT_S)
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertFalse(get.brought(_DIGEST, len(_BODY)))
        self.assertEqual(get.received_bytes, 5)

    def test_other_content_is_not_what_was_asked_for(self):
        self._serve(_HEAD + b"0123456780")
        get = StreamedGet(self.place, "/", _TIMEOUT_S)
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertFalse(get.brought(_DIGEST, len(_BODY)))


if __name__ == "__main__":
    unittest.main()
