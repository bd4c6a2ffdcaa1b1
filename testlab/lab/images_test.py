"""Tests of what the lab says about images."""

import os
import shutil
import tempfile
import unittest

from testlab.lab import images
from tools.oci import layout


def _copy_as_skopeo_does(image, folder):
    found = layout.Layout(image.folder)
    os.makedirs(folder)
    shutil.copyfile(found.blob_path(image.digest), os.path.join(folder, "manifest.json"))
    with open(os.path.join(folder, "version"), "w", encoding="ascii") as file:
        file.write("Directory Transport Version: 1.1\n")
    for digest in image.blobs:
        name = digest.removeprefix("sha256:")
        shutil.copyfile(found.blob_path(digest), os.path.join(folder, name))


class NoiseImageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        self.image = images.make_noise_image(self._path("image"), "one", [100_000, 5_000])
        self.copy = self._path("copy")
        _copy_as_skopeo_does(self.image, self.copy)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _layer_in_copy(self):
        return os.path.join(self.copy, self.image.largest_blob[0].removeprefix("sha256:"))

    def test_the_same_name_gives_the_same_image(self):
        again = images.make_noise_image(self._path("again"), "one", [100_000, 5_000])
        other = images.make_noise_image(self._path("other"), "two", [100_000, 5_000])
        self.assertEqual(again.digest, self.image.digest)
        self.assertNotEqual(other.digest, self.image.digest)

    def test_layers_are_the_archives_that_the_configuration_names(self):
        found = layout.Layout(self.image.folder)
        manifest = found.read_json(self.image.digest)
        config = found.read_json(manifest["config"]["digest"])
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
            info = layout.inspect_layer(found.blob_path(layer["digest"]))
            self.assertEqual(info.descriptor, layer)
            self.assertEqual(info.diff_id, diff_id)

    def test_a_whole_copy_has_no_differences(self):
        self.assertEqual(self.image.differences(self.copy), [])

    def test_one_wrong_byte_is_found(self):
        with open(self._layer_in_copy(), "r+b") as file:
            file.seek(50_000)
            file.write(b"\xff\x00")
        (wrong,) = self.image.differences(self.copy)
        self.assertIn("other content", wrong)

    def test_a_missing_layer_is_found(self):
        os.remove(self._layer_in_copy())
        (wrong,) = self.image.differences(self.copy)
        self.assertIn("is missing", wrong)

    def test_another_manifest_is_found(self):
        with open(os.path.join(self.copy, "manifest.json"), "ab") as file:
            file.write(b" ")
        self.assertEqual(self.image.differences(self.copy), ["manifest.json has another digest"])


if __name__ == "__main__":
    unittest.main()
