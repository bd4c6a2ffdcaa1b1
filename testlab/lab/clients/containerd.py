"""containerd, with ctr as its client: pulls through a hosts.toml mirror, and unpacks."""

import os

from testlab.lab.clients.client import DaemonClient, differences_of_tree
from testlab.lab.process import Process
from tools.oci import layout

_CONFIG = """
version = 2
root = "{root}"
state = "{state}"
# Kubernetes' face, which looks for a network's configuration.
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[grpc]
  address = "{socket}"
"""
# Where nobody listens: what the mirror does not give is not got.
_NOWHERE = "127.0.0.1:1"
_HOSTS = """
server = "http://{server}"
[host."http://{address}"]
  capabilities = ["pull", "resolve"]
"""
# Copies instead of overlaying, which works on every file system.
_SNAPSHOTTER = "--snapshotter=native"


class Containerd(DaemonClient):
    """A containerd of its own. Its sockets are below `run`, as their paths must be short.

    `behind`: the registry.Registry to which it goes on when the mirror gives an error; None: none.
    """

    name = "containerd"
    start_timeout_s = 30
    stop_s = 10

    def __init__(self, host, folder, registries, run, behind=None):
        super().__init__(host, folder, registries)
        self._credentials = ["--user", behind.credentials] if behind else []
        self._socket = os.path.join(run, "containerd.sock")
        config = _CONFIG.format(
            root=self._path("root"), state=os.path.join(run, "state"), socket=self._socket
        )
        server = behind.place.address if behind else _NOWHERE
        hosts = _HOSTS.format(server=server, address=registries.address)
        for name in (registries.mirrored, registries.unknown, registries.address):
            self._write(f"certs.d/{name}/hosts.toml", hosts)
        argv = ["containerd", f"--config={self._write('config.toml', config)}"]
        self._daemon = Process(host, self.name, argv, self._path("log"))

    def _tool(self, *arguments):
        return ["ctr", f"--address={self._socket}", *arguments]

    def pull(self, reference):
        hosts = f"--hosts-dir={self._path('certs.d')}"
        self._run(self._tool("images", "pull", hosts, *self._credentials, _SNAPSHOTTER, reference))

    def differences(self, reference, made):
        listed = self._run(self._tool("images", "list", f"name=={reference}"))
        wrong = [] if f" {made.root.digest} " in listed else [f"it is listed as {listed}"]
        wrong += self._differences_of_content(made)
        mounted = self._path("mounted")
        os.makedirs(mounted, exist_ok=True)
        self._run(self._tool("images", "mount", _SNAPSHOTTER, reference, mounted))
        wrong += differences_of_tree(mounted, made.tree)
        self._run(self._tool("images", "unmount", "--rm", mounted))
        return wrong

    def _differences_of_content(self, made):
        """Its own store has the exact bytes: the root, the image's manifest, and all its blobs."""
        wanted = {made.root.digest, made.image.digest, *self.blobs_of(made)}
        blobs = self._path("root/io.containerd.content.v1.content/blobs")
        wrong = []
        for digest in sorted(wanted):
            path = os.path.join(blobs, *digest.split(":"))
            if not os.path.exists(path):
                wrong.append(f"{digest} is missing")
                continue
            with open(path, "rb") as file:
                if layout.sha256_digest(file.read()) != digest:
                    wrong.append(f"{digest} has other content")
        return wrong
