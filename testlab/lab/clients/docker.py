"""Docker: dockerd with a data folder of its own, and its command line."""

import json
import os
import tarfile

from testlab.lab.clients.client import DaemonClient
from testlab.lab.process import Process
from tools.oci import layout

# dockerd's own containerd makes a folder below /opt, whatever it is told.
_WITHOUT_OPT = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /opt && exec "$@"', "sh"]


class Docker(DaemonClient):
    """A dockerd that touches neither the machine's network nor its own dockerd.

    Its mirror stands in for Docker Hub, the only registry that dockerd has mirrors for. Its sockets
    are below `run`, as their paths must be short.
    """

    name = "docker"
    start_timeout_s = 60
    stop_s = 20

    def __init__(self, host, folder, registries, run):
        super().__init__(host, folder, registries)
        self._socket = f"unix://{run}/docker.sock"
        config = {
            "data-root": self._path("data"),
            "exec-root": os.path.join(run, "exec"),
            "pidfile": os.path.join(run, "docker.pid"),
            "deprecated-key-path": self._path("key.json"),
            "hosts": [self._socket],
            "storage-driver": "vfs",
            "registry-mirrors": [f"http://{registries.address}"],
            "bridge": "none",
            "iptables": False,
            "ip-forward": False,
            "ip-masq": False,
        }
        path = self._write("daemon.json", json.dumps(config))
        argv = [*_WITHOUT_OPT, "dockerd", f"--config-file={path}"]
        self._daemon = Process(host, "dockerd", argv, self._path("log"))

    def _tool(self, *arguments):
        return ["docker", f"--host={self._socket}", *arguments]

    def through_mirror(self, name):
        return name

    def pull(self, reference):
        self._run(self._tool("pull", "--quiet", reference))

    def differences(self, reference, made):
        form = "--format={{.Id}} {{json .RepoDigests}}"
        image_id, digests = self._run(
            self._tool("image", "inspect", form, reference)
        ).split()
        wrong = [] if image_id == made.config_digest else [f"its id is {image_id}"]
        if not any(name.endswith("@" + made.root.digest) for name in json.loads(digests)):
            wrong.append(f"it is called {digests}")
        saved = self._path("saved.tar")
        self._run(self._tool("save", f"--output={saved}", reference))
        with tarfile.open(saved) as archive:
            wrong += _differences_of_archive(archive, made)
        os.remove(saved)
        return wrong


def _differences_of_archive(archive, made):
    """dockerd puts each layer together again from the files that it unpacked: the exact bytes."""

    def digest_of(name):
        return layout.sha256_digest(archive.extractfile(name).read())

    (image,) = json.load(archive.extractfile("manifest.json"))
    wrong = [] if digest_of(image["Config"]) == made.config_digest else ["its config differs"]
    layers = tuple(digest_of(name) for name in image["Layers"])
    return wrong if layers == made.diff_ids else [*wrong, f"its layers are {layers}"]
