"""podman and buildah: two programs over the same library, with the same configuration."""

from testlab.lab import signatures
from testlab.lab.clients.client import Client, differences_of_tree

_REGISTRIES_CONF = """
[[registry]]
location = "{mirrored}"
[[registry.mirror]]
location = "{address}"
insecure = true

[[registry]]
location = "{address}"
insecure = true
"""
# vfs needs nothing of the file system.
_STORAGE_CONF = """
[storage]
driver = "vfs"
graphroot = "{storage}"
runroot = "{run}"
"""
# podman's locks are in the machine's shared memory otherwise, and its state is in /run.
_CONTAINERS_CONF = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{run}"
"""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


def registries_conf(registries):
    """The text of registries.conf (containers-registries.conf(5))."""
    return _REGISTRIES_CONF.format(address=registries.address, mirrored=registries.mirrored)


class _Containers(Client):
    def __init__(self, host, folder, registries):
        super().__init__(host, folder, registries)
        conf = registries_conf(registries)
        self._policy = "--signature-policy=" + self._write("policy.json", _POLICY)
        signatures.look_nowhere(folder)
        containers = _CONTAINERS_CONF.format(run=self._path("run-podman"))
        storage = _STORAGE_CONF.format(storage=self._path("storage"), run=self._path("run"))
        self._command = [
            "env",
            f"HOME={folder}",
            "CONTAINERS_CONF=" + self._write("containers.conf", containers),
            "CONTAINERS_REGISTRIES_CONF=" + self._write("registries.conf", conf),
            "CONTAINERS_STORAGE_CONF=" + self._write("storage.conf", storage),
            self.name,
        ]


class Podman(_Containers):
    """Pulls, and mounts what it has unpacked."""

    name = "podman"

    def pull(self, reference):
        self._run([*self._command, "pull", self._policy, reference])

    def differences(self, reference, made):
        inspected = self._run(
            [*self._command, "image", "inspect", "--format={{.Id}} {{.Digest}}", reference]
        )
        image_id = made.config_digest.removeprefix("sha256:")
        wrong = _differences_of_names(inspected.split(), image_id, made)
        mounted = self._run([*self._command, "image", "mount", reference])
        wrong += differences_of_tree(mounted, made.tree)
        self._run([*self._command, "image", "unmount", reference])
        return wrong


class Buildah(_Containers):
    """Begins a container from the image, as a build does, and mounts that."""

    name = "buildah"

    def pull(self, reference):
        self._run([*self._command, "from", "--pull-always", self._policy, reference])

    def differences(self, reference, made):
        listed = self._run(
            [*self._command, "images", "--no-trunc", "--format={{.ID}} {{.Digest}}", reference]
        )
        wrong = _differences_of_names(listed.split(), made.config_digest, made)
        container = self._run([*self._command, "containers", "--quiet"])
        mounted = self._run([*self._command, "mount", container])
        wrong += differences_of_tree(mounted, made.tree)
        self._run([*self._command, "rm", container])
        return wrong


def _differences_of_names(told, image_id, made):
    expected = {image_id}, {made.root.digest, made.image.digest}
    if len(told) != 2:
        return [f"it is told as {told}"]
    return [
        f"it is called {name}, not one of {sorted(names)}"
        for name, names in zip(told, expected)
        if name not in names
    ]
