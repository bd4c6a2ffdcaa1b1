"""An OCI image layout: a folder of blobs by digest, with an index.json that says where to begin."""

import dataclasses
import gzip
import hashlib
import json
import os
import shutil
import zlib

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

_CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True)
class LayerInfo:
    """What an image says of a layer."""

    descriptor: dict
    diff_id: str  # The digest of the tar archive before compression.


def to_json(value):
    """Canonical bytes: the same value always has the same digest."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256_digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(media_type, data):
    return {"mediaType": media_type, "digest": sha256_digest(data), "size": len(data)}


def _chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def inspect_layer(path):
    """Digests of a tar archive, compressed or not, read once."""
    blob = hashlib.sha256()
    content = hashlib.sha256()
    size = 0
    unzip = None
    for chunk in _chunks(path):
        if size == 0 and chunk.startswith(_GZIP_MAGIC):
            unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        size += len(chunk)
        blob.update(chunk)
        content.update(unzip.decompress(chunk) if unzip else chunk)
    if unzip:
        content.update(unzip.flush())
        if not unzip.eof or unzip.unused_data:
            raise ValueError("%s is not one whole gzip stream" % path)
    found = {
        "mediaType": LAYER_GZIP_TYPE if unzip else LAYER_TYPE,
        "digest": "sha256:" + blob.hexdigest(),
        "size": size,
    }
    return LayerInfo(found, "sha256:" + content.hexdigest())


class Layout:
    """A layout being read or written."""

    def __init__(self, folder):
        self.folder = folder

    @classmethod
    def create(cls, folder):
        os.makedirs(os.path.join(folder, "blobs", "sha256"), exist_ok=True)
        with open(os.path.join(folder, "oci-layout"), "wb") as file:
            file.write(to_json({"imageLayoutVersion": "1.0.0"}))
        return cls(folder)

    def blob_path(self, digest):
        algorithm, _, digits = digest.partition(":")
        return os.path.join(self.folder, "blobs", algorithm, digits)

    def read_json(self, digest):
        with open(self.blob_path(digest), "rb") as file:
            data = file.read()
        if sha256_digest(data) != digest:
            raise ValueError("blob %s of %s has other content" % (digest, self.folder))
        return json.loads(data)

    def manifests(self):
        """Descriptors in index.json."""
        with open(os.path.join(self.folder, "index.json"), "rb") as file:
            return json.load(file)["manifests"]

    def only_manifest(self):
        """The one image of the layout."""
        found = self.manifests()
        if len(found) != 1 or found[0]["mediaType"] != MANIFEST_TYPE:
            raise ValueError("%s does not hold exactly one image" % self.folder)
        return found[0]

    def add_json(self, media_type, value):
        """Writes a JSON blob; returns its descriptor."""
        data = to_json(value)
        found = descriptor(media_type, data)
        self._write(found["digest"], data)
        return found

    def add_file(self, digest, path):
        """Copies a file whose digest is known."""
        target = self.blob_path(digest)
        if not os.path.exists(target):
            shutil.copyfile(path, target)

    def add_image(self, other):
        """Copies all blobs of another layout's one image; returns its descriptor."""
        found = other.only_manifest()
        manifest = other.read_json(found["digest"])
        blobs = [found, manifest["config"], *manifest["layers"]]
        for digest in {blob["digest"] for blob in blobs}:
            self.add_file(digest, other.blob_path(digest))
        return found

    def write_index(self, manifests):
        """Ends the layout. `manifests` are descriptors."""
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
        with open(os.path.join(self.folder, "index.json"), "wb") as file:
            file.write(to_json(index))

    def _write(self, digest, data):
        with open(self.blob_path(digest), "wb") as file:
            file.write(data)


def open_layer(path):
    """A layer's tar archive for reading, whatever its compression."""
    with open(path, "rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if compressed else open(path, "rb")
