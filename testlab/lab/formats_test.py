"""Tests of the images that clients are given."""

import gzip
import io
import json
import tarfile
import unittest

from testlab.lab import formats, zstd_frame
from tools.oci import layout


def _decode(frame):
    """What a frame of raw blocks and runs holds; it must have no other blocks."""
    magic, descriptor, size = frame[:4], frame[4], int.from_bytes(frame[5:9], "little")
    assert (magic, descriptor) == (b"\x28\xb5\x2f\xfd", 0xA0)
    content, at, last = b"", 9, False
    while not last:
        header = int.from_bytes(frame[at : at + 3], "little")
        last, kind, length = header & 1, header >> 1 & 3, header >> 3
        assert length <= 128 << 10 and kind in (0, 1)
        body = frame[at + 3 : at + 3 + (1 if kind else length)]
        content += body * length if kind else body
        at += 3 + len(body)
    assert (at, size) == (len(frame), len(content))
    return content


def _unpack(made, decompress):
    """The regular files of an image, as a client has to see them."""
    tree = {}
    for described in json.loads(made.image.data)["layers"]:
        archive = tarfile.open(fileobj=io.BytesIO(decompress(made.blobs[described["digest"]])))
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            if name.startswith(".wh."):
                del tree[f"{folder}/{name.removeprefix('.wh.')}"]
            elif member.isfile():
                tree[member.name] = archive.extractfile(member).read()
    return tree


class ZstdFrameTest(unittest.TestCase):
    def test_holds_its_content(self):
        block = 128 << 10
        for content in (b"", b"a", b"ab", b"ab" * block, bytes(block), bytes(3 * block + 1)):
            self.assertEqual(_decode(zstd_frame.frame(content)), content)

    def test_runs_are_short(self):
        self.assertLess(len(zstd_frame.frame(bytes(1 << 20))), 100)


class FormatsTest(unittest.TestCase):
    def test_unpacks_to_its_tree(self):
        for form, decompress in (
            (formats.DOCKER, gzip.decompress),
            (formats.OCI, gzip.decompress),
            (formats.ZSTD, _decode),
        ):
            made = formats.make_image("one", form)
            self.assertEqual(_unpack(made, decompress), made.tree)
            self.assertNotIn("data/gone", made.tree)

    def test_the_same_name_gives_the_same_image(self):
        for make in (formats.make_image, formats.make_index):
            one, again, other = (make(name, formats.OCI) for name in ("one", "one", "other"))
            self.assertEqual(one, again)
            self.assertNotEqual(one.root.digest, other.root.digest)

    def test_blobs_are_what_manifests_name(self):
        for made in (
            formats.make_image("one", formats.DOCKER),
            formats.make_index("one", formats.ZSTD),
            formats.make_artifact("one", formats.make_image("one", formats.OCI).root),
        ):
            named = {}
            for manifest in made.manifests:
                content = json.loads(manifest.data)
                self.assertEqual(content["mediaType"], manifest.media_type)
                for described in [*content.get("layers", []), content.get("config")]:
                    if described:
                        named[described["digest"]] = described["size"]
            held = {layout.sha256_digest(blob): len(blob) for blob in made.blobs.values()}
            self.assertEqual(held, named)

    def test_an_index_names_its_manifests(self):
        made = formats.make_index("one", formats.OCI)
        entries = json.loads(made.root.data)["manifests"]
        self.assertEqual(
            sorted((entry["digest"], entry["size"]) for entry in entries),
            sorted((manifest.digest, len(manifest.data)) for manifest in made.manifests[:-1]),
        )
        [here] = [e for e in entries if e["platform"]["architecture"] == formats.HERE]
        self.assertEqual(here["digest"], made.image.digest)

    def test_an_artifact_refers_to_its_subject(self):
        subject = formats.make_image("one", formats.OCI).root
        manifest = json.loads(formats.make_artifact("a", subject).root.data)
        self.assertEqual(manifest["subject"]["digest"], subject.digest)


if __name__ == "__main__":
    unittest.main()
