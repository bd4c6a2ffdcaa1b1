"""Every client that people have pulls through an agent; what it then holds is compared."""

import os

from testlab.lab import formats
from testlab.lab.client_node import make_client, node, run_folder
from testlab.lab.clients.containerd import Containerd
from testlab.lab.clients.containers import Buildah, Podman
from testlab.lab.clients.docker import Docker
from testlab.lab.clients.skopeo_reader import SkopeoReader
from testlab.lab.ranges import fetch_by_ranges
from testlab.lab.upload import upload

_AS_PUSHED = "every byte as pushed"
_RANGES = 8
_RANGED_BYTES = 24 << 20
_TIMEOUT_S = 60


def pull_with_skopeo(lab, report):
    """Everything there is, artifacts included."""
    with make_client(lab, SkopeoReader, "skopeo") as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        _pull(lab, report, client, "docker v2 index", formats.make_index, formats.DOCKER)
        index = _pull(
            *(lab, report, client, "OCI index", formats.make_index, formats.OCI),
            through_mirror=True,
        )
        _pull(lab, report, client, "zstd", formats.make_image, formats.ZSTD)
        artifact = formats.make_artifact("skopeo's", index.root)
        repository = _repository(client, "OCI index")
        upload(lab.first, repository, artifact)
        reference = client.direct(f"{repository}@{artifact.root.digest}")
        _compare(lab, report, client, reference, artifact, "artifact by digest")


def pull_with_podman(lab, report):
    with make_client(lab, Podman, "podman") as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        _pull(lab, report, client, "zstd", formats.make_image, formats.ZSTD)
        _pull(
            *(lab, report, client, "OCI index", formats.make_index, formats.OCI),
            through_mirror=True,
        )


def pull_with_buildah(lab, report):
    with make_client(lab, Buildah, "buildah") as client:
        _pull(lab, report, client, "docker v2 index", formats.make_index, formats.DOCKER)
        _pull(
            *(lab, report, client, "OCI", formats.make_image, formats.OCI),
            through_mirror=True,
        )
        _pull(lab, report, client, "zstd", formats.make_image, formats.ZSTD)


def pull_with_containerd(lab, report):
    with make_client(lab, Containerd, "containerd", run_folder("containerd")) as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        for what, make, form in (
            ("OCI index", formats.make_index, formats.OCI),
            ("zstd", formats.make_image, formats.ZSTD),
        ):
            _pull(lab, report, client, what, make, form, through_mirror=True)


def pull_with_docker(lab, report):
    """Debian's dockerd unpacks no zstd."""
    with make_client(lab, Docker, "docker", run_folder("docker")) as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        for what, make, form in (
            ("docker v2 index", formats.make_index, formats.DOCKER),
            ("OCI index", formats.make_index, formats.OCI),
        ):
            _pull(lab, report, client, what, make, form, through_mirror=True)


def pull_by_ranges(lab, report):
    """curl fetches a blob that has just been pushed, by eight ranges at once."""
    agent = node(lab)
    image = lab.noise_image("library/ranges", _RANGED_BYTES)
    lab.push(image, "library/ranges:1")
    digest, size = image.largest_blob
    url = f"{agent.registry.url}/v2/library/ranges/blobs/{digest}"
    folder = os.path.join(lab.folder, "ranges")
    os.makedirs(folder)
    content = fetch_by_ranges(agent.host, url, size, _RANGES, folder)
    right = formats.layout.sha256_digest(content) == digest
    report.check(
        f"curl, {_RANGES} ranges of a cold blob at once",
        right,
        f"{len(content)} bytes, {'the' if right else 'another'} digest",
        "the blob's digest",
    )


# ---- One client ----


def _repository(client, what):
    return f"library/{client.name}-{what.lower().replace(' ', '-')}"


def _pull(lab, report, client, what, make, form, through_mirror=False):
    """Pushes an image that nobody has, has the client pull it, and compares; returns the image."""
    repository = _repository(client, what)
    made = make(repository, form)
    upload(lab.first, repository, made, "1")
    name = f"{repository}:1"
    if through_mirror:
        _compare(lab, report, client, client.through_mirror(name), made, f"{what} by a mirror")
    else:
        _compare(lab, report, client, client.direct(name), made, what)
    return made


def _compare(lab, report, client, reference, made, what):
    report.say(f"{client.name} pulls {reference}")
    client.pull(reference)
    wrong = client.differences(reference, made)
    agent = node(lab)
    blobs = client.blobs_of(made)
    # By its way: nobody else gave the client anything. It may have sent all before it keeps all.
    agent.until(
        "its store to have every blob",
        lambda: all(agent.holds(digest, size) for digest, size in blobs.items()),
        _TIMEOUT_S,
    )
    report.check(
        f"{client.name}: {what}", not wrong, "; ".join(wrong) or _AS_PUSHED, _AS_PUSHED
    )
