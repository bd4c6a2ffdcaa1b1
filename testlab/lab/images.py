"""Images as the lab knows them: what a pull must bring, byte for byte."""

import gzip
import hashlib
import io
import os
import random
import tarfile

from tools.oci import layout

# Of a SHA-256 in hexadecimal.
_DIGITS = 64


class Image:
    """One image in the OCI image layout: its digest, and the blobs that belong to it."""

    def __init__(self, folder, digest=None):
        """`digest`: of the manifest, where the layout holds more than one image."""
        self.folder = folder
        found = layout.Layout(folder)
        self.digest = digest or found.only_manifest()["digest"]
        self.manifest_bytes = os.path.getsize(found.blob_path(self.digest))
        manifest = found.read_json(self.digest)
        blobs = [manifest["config"], *manifest["layers"]]
        # {digest: size}, without the manifest.
        self.blobs = {blob["digest"]: blob["size"] for blob in blobs}
        self.layers = {blob["digest"]: blob["size"] for blob in manifest["layers"]}

    @property
    def total_bytes(self):
        return sum(self.blobs.values())

    @property
    def largest_blob(self):
        """(digest, size)"""
        return max(self.blobs.items(), key=lambda item: item[1])

    @property
    def files(self):
        """{name: digest} of its blobs in a folder that skopeo wrote (dir:)."""
        return {digest.removeprefix("sha256:"): digest for digest in self.blobs}

    def differences(self, folder):
        """What is wrong with a copy that skopeo wrote to a folder; empty: nothing."""
        wrong = []
        if file_digest(os.path.join(folder, "manifest.json")) != self.digest:
            wrong.append("manifest.json has another digest")
        there = {name for name in os.listdir(folder) if len(name) == _DIGITS}
        wrong += [f"{name} does not belong to it" for name in there - self.files.keys()]
        return wrong + _differences_of_files(folder, self.files)


def file_digest(path):
    """sha256:… of a file."""
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def make_noise_image(folder, name, layer_bytes):
    """An image of incompressible layers of about the given sizes; the same name gives the same."""
    made = layout.Layout.create(folder)
    source = random.Random(name)
    layers, diff_ids = [], []
    for number, size in enumerate(layer_bytes):
        archive = _noise_archive(f"{name}/{number}", source.randbytes(size))
        # Stored, not compressed: gzip's framing is what a layer needs, its work is not.
        layer = gzip.compress(archive, compresslevel=0, mtime=0)
        layers.append(_add_blob(made, layout.LAYER_GZIP_TYPE, layer))
        diff_ids.append(layout.sha256_digest(archive))
    config = made.add_json(
        layout.CONFIG_TYPE,
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        },
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": layout.MANIFEST_TYPE,
        "config": config,
        "layers": layers,
    }
    made.write_index([made.add_json(layout.MANIFEST_TYPE, manifest)])
    return Image(folder)


def _noise_archive(path, content):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(path)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _add_blob(made, media_type, data):
    described = layout.descriptor(media_type, data)
    with open(made.blob_path(described["digest"]), "wb") as file:
        file.write(data)
    return described


class Index:
    """Several images under one name."""

    def __init__(self, folder):
        self.folder = folder
        found = layout.Layout(folder)
        (root,) = found.manifests()
        self.digest = root["digest"]
        manifests = found.read_json(self.digest)["manifests"]
        self.images = [Image(folder, entry["digest"]) for entry in manifests]

    def differences(self, folder):
        """As Image's, for a copy of everything (skopeo copy --all)."""
        wrong = []
        if file_digest(os.path.join(folder, "manifest.json")) != self.digest:
            wrong.append("manifest.json has another digest")
        for image in self.images:
            name = image.digest.removeprefix("sha256:") + ".manifest.json"
            wrong += _differences_of_files(folder, {name: image.digest})
            wrong += _differences_of_files(folder, image.files)
        return wrong


def _differences_of_files(folder, files):
    """`files`: {name: digest}"""
    wrong = []
    for name, digest in files.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            wrong.append(f"{name} is missing")
        elif file_digest(path) != digest:
            wrong.append(f"{name} has other content")
    return wrong
