"""Tests of reading docker-registry's access log."""

import unittest

from testlab.lab import access_log

_DIGEST = "sha256:" + "ab" * 32
_PREFIX = "198.18.0.21 - - [24/Nov/2026:22:46:33 +0000] "


def _line(method, path, status, size):
    return f'{_PREFIX}"{method} {path} HTTP/1.1" {status} {size} "" "kraken"'


class AccessLogTest(unittest.TestCase):
    def test_reads_a_line(self):
        path = f"/v2/library/debian/blobs/{_DIGEST}"
        (entry,) = access_log.parse(_line("GET", path, 200, 42) + "\n")
        self.assertEqual(entry.client, "198.18.0.21")
        self.assertEqual(entry.method, "GET")
        self.assertEqual(entry.status, 200)
        self.assertEqual(entry.body_bytes, 42)
        self.assertEqual(entry.user_agent, "kraken")

    def test_passes_over_the_other_log(self):
        text = 'time="2026-11-24" level=info msg="GET /v2/ HTTP/1.1" 200\n'
        self.assertEqual(access_log.parse(text), [])

    def test_only_gets_that_gave_bytes_count(self):
        path = f"/v2/library/debian/blobs/{_DIGEST}"
        lines = [
            _line("HEAD", path, 200, 0),
            _line("GET", path, 401, 87),
            _line("GET", path, 200, 10),
            _line("GET", path, 206, 5),
            _line("GET", "/v2/library/debian/manifests/latest", 200, 400),
            _line("PUT", "/v2/library/debian/blobs/uploads/x?digest=" + _DIGEST, 201, 0),
        ]
        gets = access_log.blob_gets(access_log.parse("\n".join(lines)))
        self.assertEqual([get.body_bytes for get in gets], [10, 5])
        self.assertEqual(gets[0].repository, "library/debian")
        self.assertEqual(access_log.bytes_by_digest(gets), {_DIGEST: [10, 5]})


if __name__ == "__main__":
    unittest.main()
