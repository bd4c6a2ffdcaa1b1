"""Images in the formats that clients of a registry know, made in memory: small and exact.

Each has files that a later layer replaces and removes, so that unpacking shows whether the layers
came in order and whole.
"""

import dataclasses
import functools
import gzip
import io
import os
import platform
import random
import tarfile

from testlab.lab import zstd_frame
from tools.oci import layout

ARTIFACT_TYPE = "application/vnd.example.sbom"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_NOISE_BYTES = 3 << 20
_MORE_NOISE_BYTES = 300_000
_ZEROS_BYTES = 1 << 20
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# What clients on this machine choose from an index, and what they leave.
HERE = _ARCHITECTURES.get(platform.machine(), platform.machine())
_ELSEWHERE = "arm64" if HERE == "amd64" else "amd64"


def _gzip(content):
    return gzip.compress(content, compresslevel=1, mtime=0)


@dataclasses.dataclass(frozen=True)
class Format:
    """Media types, and how layers are compressed."""

    manifest: str
    index: str
    config: str
    layer: str
    compress: callable


DOCKER = Format(
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    _gzip,
)
OCI = Format(
    layout.MANIFEST_TYPE, layout.INDEX_TYPE, layout.CONFIG_TYPE, layout.LAYER_GZIP_TYPE, _gzip
)
ZSTD = dataclasses.replace(
    OCI, layer="application/vnd.oci.image.layer.v1.tar+zstd", compress=zstd_frame.frame
)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A manifest or an index: its exact bytes."""

    media_type: str
    data: bytes

    @functools.cached_property
    def digest(self):
        return layout.sha256_digest(self.data)

    @property
    def descriptor(self):
        return layout.descriptor(self.media_type, self.data)


@dataclasses.dataclass(frozen=True)
class Made:
    """What one name stands for: manifests (the last is the root), and all their blobs."""

    manifests: tuple
    blobs: dict  # {digest: bytes}
    # Of the image that a client here unpacks; empty for an artifact.
    config_digest: str = None
    diff_ids: tuple = ()
    tree: dict = None  # {path: content} of its regular files

    @property
    def root(self):
        return self.manifests[-1]

    @property
    def image(self):
        """The manifest of the image that a client here chooses."""
        return self.manifests[0]


def make_image(name, form, architecture=HERE):
    """An image; the same arguments give the same."""
    source = random.Random(f"{name}/{architecture}")
    steps = _steps(name, source, 1 if architecture == HERE else 16)
    archives = [_archive(step) for step in steps]
    diff_ids = tuple(layout.sha256_digest(archive) for archive in archives)
    layers = [form.compress(archive) for archive in archives]
    config = layout.to_json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }
    )
    described = layout.descriptor(form.config, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": form.manifest,
        "config": described,
        "layers": [layout.descriptor(form.layer, layer) for layer in layers],
    }
    return Made(
        (Manifest(form.manifest, layout.to_json(manifest)),),
        {layout.sha256_digest(blob): blob for blob in [config, *layers]},
        described["digest"],
        diff_ids,
        _tree(steps),
    )


def make_flat_image(name, layers, form=OCI):
    """An image of layers with this content, which nobody can unpack."""
    config = layout.to_json({"architecture": HERE, "os": "linux", "config": {"User": name}})
    manifest = {
        "schemaVersion": 2,
        "mediaType": form.manifest,
        "config": layout.descriptor(form.config, config),
        "layers": [layout.descriptor(form.layer, layer) for layer in layers],
    }
    return Made(
        (Manifest(form.manifest, layout.to_json(manifest)),),
        {layout.sha256_digest(blob): blob for blob in [config, *layers]},
    )


def make_index(name, form):
    """An index of two images, one of them for this machine."""
    here, other = make_image(name, form), make_image(name, form, _ELSEWHERE)
    entries = [
        {**made.root.descriptor, "platform": {"architecture": architecture, "os": "linux"}}
        for made, architecture in ((other, _ELSEWHERE), (here, HERE))
    ]
    index = {"schemaVersion": 2, "mediaType": form.index, "manifests": entries}
    root = Manifest(form.index, layout.to_json(index))
    return dataclasses.replace(
        here, manifests=(here.root, other.root, root), blobs={**here.blobs, **other.blobs}
    )


def make_artifact(name, subject, artifact_type=ARTIFACT_TYPE):
    """What refers to an image: a list of its contents, say. `subject`: a Manifest."""
    content = layout.to_json({"name": name, "noise": random.Random(name).randbytes(500).hex()})
    empty = b"{}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": layout.MANIFEST_TYPE,
        "artifactType": artifact_type,
        "config": layout.descriptor(_EMPTY_TYPE, empty),
        "layers": [layout.descriptor("application/json", content)],
        "subject": subject.descriptor,
        "annotations": {"org.example.name": name},
    }
    root = Manifest(layout.MANIFEST_TYPE, layout.to_json(manifest))
    return Made((root,), {layout.sha256_digest(blob): blob for blob in (empty, content)})


def _steps(name, source, shrink):
    """What each layer adds: {path: content; None: the path goes}."""
    return [
        {
            "etc/name": b"not this",
            "data/gone": source.randbytes(1000),
            "data/noise": source.randbytes(_NOISE_BYTES // shrink),
        },
        {
            "data/gone": None,
            "data/zeros": bytes(_ZEROS_BYTES // shrink),
            "data/more": source.randbytes(_MORE_NOISE_BYTES // shrink),
        },
        {"etc/name": name.encode()},
    ]


def _tree(steps):
    tree = {}
    for step in steps:
        tree.update(step)
    return {path: content for path, content in tree.items() if content is not None}


def _archive(step):
    """A layer before compression. A path that goes is a whiteout (OCI image specification)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in sorted({os.path.dirname(path) for path in step}):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        for path, content in step.items():
            if content is None:
                path = os.path.join(os.path.dirname(path), ".wh." + os.path.basename(path))
            member = tarfile.TarInfo(path)
            member.size = len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return packed.getvalue()
