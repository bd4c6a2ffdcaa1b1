"""Every client that people have pulls through an agent; what it then holds is compared."""

import os
import time

from testlab.lab import formats
from testlab.lab.clients.client import Registries
from testlab.lab.clients.containerd import Containerd
from testlab.lab.clients.containers import Buildah, Podman
from testlab.lab.clients.docker import Docker
from testlab.lab.clients.skopeo_reader import SkopeoReader
from testlab.lab.ranges import fetch_by_ranges
from testlab.lab.upload import upload

_NODE = "node"
_MIRRORED = "harbor.example.com"
_UNKNOWN = "elsewhere.example.com"
_RUN = "/run/clients"
_AS_PUSHED = "every byte as pushed"
_RANGES = 8
_END_S = 15
# An agent gives up after as long as the lab lets it be patient, containerd asks several things.
_FALL_S = 60
_RANGED_BYTES = 24 << 20


def pull_with_skopeo(lab, report):
    """Everything there is, artifacts included."""
    with _make(lab, SkopeoReader) as client:
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
    with _make(lab, Podman) as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        _pull(lab, report, client, "zstd", formats.make_image, formats.ZSTD)
        _pull(
            *(lab, report, client, "OCI index", formats.make_index, formats.OCI),
            through_mirror=True,
        )


def pull_with_buildah(lab, report):
    with _make(lab, Buildah) as client:
        _pull(lab, report, client, "docker v2 index", formats.make_index, formats.DOCKER)
        _pull(
            *(lab, report, client, "OCI", formats.make_image, formats.OCI),
            through_mirror=True,
        )
        _pull(lab, report, client, "zstd", formats.make_image, formats.ZSTD)


def pull_with_containerd(lab, report):
    with _make(lab, Containerd, _run_folder("containerd")) as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        for what, make, form in (
            ("OCI index", formats.make_index, formats.OCI),
            ("zstd", formats.make_image, formats.ZSTD),
        ):
            _pull(lab, report, client, what, make, form, through_mirror=True)


def pull_with_docker(lab, report):
    """Debian's dockerd unpacks no zstd."""
    with _make(lab, Docker, _run_folder("docker")) as client:
        _pull(lab, report, client, "docker v2", formats.make_image, formats.DOCKER)
        for what, make, form in (
            ("docker v2 index", formats.make_index, formats.DOCKER),
            ("OCI index", formats.make_index, formats.OCI),
        ):
            _pull(lab, report, client, what, make, form, through_mirror=True)


def fall_through(lab, report):
    """containerd goes on to the registry itself when the agent can't help, however that is."""
    node = _node(lab)
    folder = os.path.join(lab.folder, "clients", "fall-through")
    run = _run_folder("fall-through")
    with Containerd(node.host, folder, _registries(lab), run, lab.first) as client:
        _fall(lab, report, client, "that stands in for others", _UNKNOWN)
        others = [*lab.origins, lab.tracker, lab.build_index]
        for other in others:
            node.host.block(other.host.ip)
        _fall(lab, report, client, "that is cut off from the cluster", _MIRRORED)
        for other in others:
            node.host.unblock(other.host.ip)
        code, _ = node.terminate(_END_S)
        report.require(code == 0, f"{node.name} ended with {code}")
        _fall(lab, report, client, "that does not run", _MIRRORED)
        node.start().wait_until_ready()


def _fall(lab, report, client, what, registry):
    repository = f"library/past-{what.rpartition(' ')[2]}"
    made = formats.make_image(repository, formats.OCI)
    upload(lab.first, repository, made, "1")
    reference = f"{registry}/{repository}:1"
    begin = time.monotonic()
    client.pull(reference)
    seconds = time.monotonic() - begin
    wrong = client.differences(reference, made)
    given = {get.digest for get in lab.first.blob_gets() if get.client == client.host.ip}
    wrong += [f"the registry gave no {digest}" for digest in client.blobs_of(made).keys() - given]
    report.check(
        f"containerd goes past an agent {what}",
        not wrong and seconds <= _FALL_S,
        "; ".join(wrong) or f"{_AS_PUSHED}, after {seconds:.1f} s",
        f"{_AS_PUSHED}, within {_FALL_S} s",
    )


def pull_by_ranges(lab, report):
    """curl fetches a blob that no origin has by eight ranges at once."""
    node = _node(lab)
    image = lab.noise_image("library/ranges", _RANGED_BYTES)
    lab.push(image, "library/ranges:1")
    digest, size = image.largest_blob
    url = f"http://{_registries(lab).address}/v2/library/ranges/blobs/{digest}"
    folder = os.path.join(lab.folder, "ranges")
    os.makedirs(folder)
    content = fetch_by_ranges(node.host, url, size, _RANGES, folder)
    right = formats.layout.sha256_digest(content) == digest
    report.check(
        f"curl, {_RANGES} ranges of a cold blob at once",
        right,
        f"{len(content)} bytes, {'the' if right else 'another'} digest",
        "the blob's digest",
    )


# ---- One client ----


def _make(lab, kind, *arguments):
    node = _node(lab)
    folder = os.path.join(lab.folder, "clients", kind.name)
    return kind(node.host, folder, _registries(lab), *arguments)


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
    node = _node(lab)
    wrong += [
        f"the agent has never had {digest}"
        for digest, size in client.blobs_of(made).items()
        if not node.holds(digest, size)
    ]
    report.check(
        f"{client.name}: {what}", not wrong, "; ".join(wrong) or _AS_PUSHED, _AS_PUSHED
    )


def _run_folder(name):
    """For sockets, whose paths must be short. The lab has /run for itself."""
    folder = os.path.join(_RUN, name)
    os.makedirs(folder)
    return folder


# ---- The node on which clients run ----


def _node(lab):
    """An agent of their own, which stands in for a registry too. Started by the first who asks."""
    for agent in lab.agents:
        if agent.name == _NODE:
            return agent
    node = lab.add_agent(_NODE)
    node.configure(
        mirrors=[{"ns": _MIRRORED.replace(".", r"\.")}],
        registry={"docker": {"http": {"net": "tcp", "addr": _listen_address(node)}}},
    )
    node.start().wait_until_ready()
    return node


def _listen_address(node):
    """Reached as localhost from its own host, and by the lab from elsewhere."""
    return f"{node.host.any_ip}:{node.registry.port}"


def _registries(lab):
    node = _node(lab)
    return Registries(f"{node.host.local_name}:{node.registry.port}", _MIRRORED, _UNKNOWN)
