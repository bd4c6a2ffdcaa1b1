"""Tests of the client that goes on, against a server that cuts its answers off."""

import hashlib
import http.server
import random
import re
import threading
import unittest

from testlab.lab.resuming_get import ResumingGet
from testlab.lab.web import Place

_CONTENT = random.Random(1).randbytes(1_000_000)
_DIGEST = "sha256:" + hashlib.sha256(_CONTENT).hexdigest()
_TIMEOUT_S = 20


class _Server(http.server.ThreadingHTTPServer):
    """Gives `at_most` bytes an answer, each `refuses`-th time a 503, and perhaps a wrong range."""

    daemon_threads = True

    def __init__(self, at_most, refuses=0, shift=0):
        self.at_most = at_most
        self.refuses = refuses
        self.shift = shift
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        server = self.server
        server.asked += 1
        if server.refuses and server.asked % server.refuses == 0:
            self.send_error(503)
            return
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) + server.shift if match else 0
        self.send_response(206 if match else 200)
        if match:
            end = len(_CONTENT) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(_CONTENT)}")
        self.send_header("Content-Length", str(len(_CONTENT) - start))
        self.end_headers()
        self.wfile.write(_CONTENT[start : start + server.at_most])

    def log_message(self, *_):
        pass


class ResumingGetTest(unittest.TestCase):
    def _get(self, *arguments):
        server = _Server(*arguments)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        get = ResumingGet(Place(*server.server_address), "/blob", len(_CONTENT))
        self.addCleanup(get.give_up)
        return get

    def test_it_goes_on_where_it_was_cut_off(self):
        get = self._get(300_000)
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertTrue(get.brought(_DIGEST), get)
        self.assertEqual(get.cuts, 3)

    def test_it_asks_again_when_it_is_refused(self):
        get = self._get(300_000, 2)
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertTrue(get.brought(_DIGEST), get)
        self.assertGreater(get.refusals, 0)

    def test_another_range_than_asked_for_is_an_error(self):
        get = self._get(300_000, 0, 1)
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertFalse(get.brought(_DIGEST))
        self.assertIn("206", get.error)

    def test_other_bytes_are_not_taken_for_the_blob(self):
        get = self._get(len(_CONTENT))
        self.assertTrue(get.wait(_TIMEOUT_S))
        self.assertFalse(get.brought("sha256:" + "0" * 64))

    def test_it_ends_when_it_gives_up(self):
        get = self._get(0)
        get.give_up()
        self.assertTrue(get.wait(_TIMEOUT_S))


if __name__ == "__main__":
    unittest.main()
