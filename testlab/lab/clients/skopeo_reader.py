"""skopeo as a client under test: copies to a folder whatever an image is made of."""

import os
import shutil

from testlab.lab import signatures
from testlab.lab.clients.client import Client
from testlab.lab.clients.containers import registries_conf

_DIGITS = 64  # of a SHA-256


class SkopeoReader(Client):
    """Copies an index with all its images, and artifacts by digest."""

    name = "skopeo"

    def __init__(self, host, folder, registries):
        super().__init__(host, folder, registries)
        conf = self._write("registries.conf", registries_conf(registries))
        self._command = ["skopeo", "--insecure-policy", f"--registries-conf={conf}"]
        self._command += [f"--registries.d={signatures.look_nowhere(folder)}", f"--tmpdir={folder}"]
        self._command += ["copy", "--all", "--preserve-digests"]

    def _copy(self, reference):
        return self._path(reference.replace("/", "_"))

    def blobs_of(self, made):
        return {digest: len(blob) for digest, blob in made.blobs.items()}

    def pull(self, reference):
        self._run([*self._command, f"docker://{reference}", f"dir:{self._copy(reference)}"])

    def differences(self, reference, made):
        folder = self._copy(reference)
        expected = {"manifest.json": made.root.data}
        for manifest in made.manifests[:-1]:
            expected[f"{_digits(manifest.digest)}.manifest.json"] = manifest.data
        expected.update({_digits(digest): blob for digest, blob in made.blobs.items()})
        there = {name for name in os.listdir(folder) if len(name.split(".")[0]) == _DIGITS}
        wrong = [f"{name} does not belong to it" for name in sorted(there - expected.keys())]
        for name, content in expected.items():
            wrong += _differences_of_file(os.path.join(folder, name), content)
        shutil.rmtree(folder)
        return wrong


def _digits(digest):
    return digest.removeprefix("sha256:")


def _differences_of_file(path, content):
    if not os.path.exists(path):
        return [f"{os.path.basename(path)} is missing"]
    with open(path, "rb") as file:
        return [] if file.read() == content else [f"{os.path.basename(path)} has other content"]
