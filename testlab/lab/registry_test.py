"""A real docker-registry, a real skopeo: what the lab believes about them."""

import os
import tempfile
import unittest

from testlab.lab import wait
from testlab.lab.access_log import bytes_by_digest
from testlab.lab.core import Core
from testlab.lab.images import make_noise_image
from testlab.lab.network import LoopbackNetwork
from testlab.lab.registry import Registry
from testlab.lab.skopeo import Skopeo

_TIMEOUT_S = 60


class RegistryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.network = LoopbackNetwork()
        self.core = Core(self.network.own_ip)
        self.addCleanup(self.core.close)
        own = os.path.join(self.folder, "harbor")
        os.makedirs(own)
        self.registry = Registry(
            self.network.add_host("harbor"),
            own,
            os.path.join(self.folder, "harbor.log"),
            {"harbor": {"url": self.core.url}},
        )
        self.registry.start()
        self.addCleanup(self.registry.stop)
        self.image = make_noise_image(os.path.join(self.folder, "image"), "a", [300_000, 70_000])
        self.skopeo = Skopeo(os.path.join(self.folder, "skopeo"))
        client = self.network.add_host("client")
        self.skopeo.push(client, self.image, self.registry, "library/a:1")

    def _get(self, digest, headers):
        path = f"/v2/library/a/blobs/{digest}"
        return self.registry.place.get(path, headers=headers)

    def test_a_push_is_an_event_with_the_pushed_digest(self):
        when = self.core.when_pushed("library/a", self.image.digest, _TIMEOUT_S)
        self.assertIsNotNone(when)

    def test_nobody_reads_without_the_password(self):
        digest, _ = self.image.largest_blob
        self.assertEqual(self._get(digest, {}).status, 401)

    def test_the_access_log_counts_bytes_by_digest(self):
        digest, size = self.image.largest_blob
        self.assertEqual(self.registry.blob_gets(), [])
        self._get(digest, self.registry.authorization())
        self._get(digest, {**self.registry.authorization(), "Range": "bytes=100000-"})
        wait.until("the log", lambda: len(self.registry.blob_gets()) == 2, _TIMEOUT_S)
        given = bytes_by_digest(self.registry.blob_gets())
        self.assertEqual(given, {digest: [size, size - 100_000]})

    def test_blobs_lie_where_the_lab_damages_them(self):
        digest, size = self.image.largest_blob
        self.assertEqual(os.path.getsize(self.registry.blob_path(digest)), size)


if __name__ == "__main__":
    unittest.main()
