"""Images are valid OCI layouts, and building one twice gives the same digests."""

import filecmp
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from tools.oci import docker_archive, image, index, layer, layout

_SKOPEO = shutil.which("skopeo")


class ImageTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def _path(self, name):
        return os.path.join(self.folder.name, name)

    def _tar(self, name, content):
        target = layer.Layer()
        target.add_file("etc/" + name.split(".")[0], content, 0o644)
        target.write(self._path(name))
        return self._path(name)

    def _image(self, name, **spec):
        whole = {"base": None, "tars": [], "config": {}, "annotations": {}, "os": ""}
        whole["architecture"] = ""
        whole.update(spec)
        image.build(whole, self._path(name))
        return layout.Layout(self._path(name))

    def _config(self, built):
        manifest = built.read_json(built.only_manifest()["digest"])
        return built.read_json(manifest["config"]["digest"])

    def _assert_every_blob_has_its_digest(self, built):
        folder = os.path.join(built.folder, "blobs", "sha256")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as blob:
                self.assertEqual(hashlib.sha256(blob.read()).hexdigest(), name)

    def test_same_inputs_give_the_same_layout(self):
        tars = [self._tar("a.tar.gz", b"a"), self._tar("b.tar", b"b")]
        one = self._image("one", tars=tars, config={"Labels": {"b": "2", "a": "1"}})
        other = self._image("other", tars=tars, config={"Labels": {"a": "1", "b": "2"}})
        self.assertEqual(one.manifests(), other.manifests())
        same = filecmp.dircmp(one.folder, other.folder)
        self.assertFalse(same.left_only or same.right_only or same.diff_files)

    def test_layers_keep_their_form_and_diff_ids_name_the_content(self):
        tar, gz = self._tar("a.tar", b"a"), self._tar("a.tar.gz", b"a")
        built = self._image("image", tars=[tar, gz])
        self._assert_every_blob_has_its_digest(built)
        manifest = built.read_json(built.only_manifest()["digest"])
        types = [blob["mediaType"] for blob in manifest["layers"]]
        self.assertEqual(types, [layout.LAYER_TYPE, layout.LAYER_GZIP_TYPE])
        diff_ids = self._config(built)["rootfs"]["diff_ids"]
        self.assertEqual(diff_ids[0], diff_ids[1])

    def test_base_comes_first_and_its_configuration_shines_through(self):
        base = self._image(
            "base",
            tars=[self._tar("a.tar.gz", b"a")],
            config={"Env": ["PATH=/bin"], "Cmd": ["x"], "User": "7", "Labels": {"l": "base"}},
            architecture="arm64",
        )
        built = self._image(
            "image",
            base=base.folder,
            tars=[self._tar("b.tar.gz", b"b")],
            config={"Env": ["PATH=$PATH:/own", "N=1"], "Entrypoint": ["y"], "Labels": {"m": "own"}},
        )
        self._assert_every_blob_has_its_digest(built)
        config = self._config(built)
        self.assertEqual(config["architecture"], "arm64")
        self.assertEqual(config["config"]["Env"], ["PATH=/bin:/own", "N=1"])
        self.assertEqual(config["config"]["Labels"], {"l": "base", "m": "own"})
        self.assertEqual(config["config"]["User"], "7")
        self.assertNotIn("Cmd", config["config"])
        self.assertEqual(len(config["rootfs"]["diff_ids"]), 2)
        self.assertEqual(len(config["history"]), 2)

    def test_index_holds_the_images_of_all_platforms(self):
        tars = [self._tar("a.tar.gz", b"a")]
        amd = self._image("amd", tars=tars)
        arm = self._image("arm", tars=tars, architecture="arm64")
        index.build(self._path("index"), [amd.folder, arm.folder])
        built = layout.Layout(self._path("index"))
        self._assert_every_blob_has_its_digest(built)
        top = built.read_json(built.manifests()[0]["digest"])
        platforms = [manifest["platform"]["architecture"] for manifest in top["manifests"]]
        self.assertEqual(platforms, ["amd64", "arm64"])

    def test_index_refuses_one_platform_twice(self):
        one = self._image("one", tars=[self._tar("a.tar.gz", b"a")])
        other = self._image("other", tars=[self._tar("b.tar.gz", b"b")])
        with self.assertRaises(ValueError):
            index.build(self._path("index"), [one.folder, other.folder])

    def test_cut_off_layer_is_refused(self):
        path = self._tar("a.tar.gz", b"a" * 10000)
        os.truncate(path, os.path.getsize(path) - 4)
        with self.assertRaises(ValueError):
            self._image("image", tars=[path])

    def test_docker_archive_names_what_it_holds(self):
        built = self._image("image", tars=[self._tar("a.tar.gz", b"a")])
        output = io.BytesIO()
        docker_archive.write(built, ["a/b:c"], output)
        with tarfile.open(fileobj=io.BytesIO(output.getvalue())) as tar:
            (listing,) = json.load(tar.extractfile("manifest.json"))
            self.assertEqual(listing["RepoTags"], ["a/b:c"])
            for name in [listing["Config"], *listing["Layers"]]:
                self.assertIn(name, tar.getnames())

    @unittest.skipUnless(_SKOPEO, "no skopeo")
    def test_skopeo_accepts_image_index_and_archive(self):
        tars = [self._tar("a.tar.gz", b"a")]
        amd = self._image("amd", tars=tars, config={"Labels": {"l": "1"}})
        arm = self._image("arm", tars=tars, architecture="arm64")
        index.build(self._path("index"), [amd.folder, arm.folder])
        with open(self._path("archive.tar"), "wb") as archive:
            docker_archive.write(amd, ["a/b:c"], archive)
        seen = json.loads(self._skopeo("inspect", "oci:" + amd.folder))
        self.assertEqual(seen["Digest"], amd.only_manifest()["digest"])
        self.assertEqual(seen["Labels"], {"l": "1"})
        self._skopeo("inspect", "docker-archive:" + self._path("archive.tar"))
        copy = "oci:" + self._path("copy")
        self._skopeo("copy", "--all", "--preserve-digests", "oci:" + self._path("index"), copy)
        copied = layout.Layout(self._path("copy")).manifests()
        self.assertEqual(
            copied[0]["digest"], layout.Layout(self._path("index")).manifests()[0]["digest"]
        )

    def _skopeo(self, *arguments):
        done = subprocess.run(
            [_SKOPEO, "--insecure-policy", "--tmpdir", self.folder.name, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


if __name__ == "__main__":
    unittest.main()
