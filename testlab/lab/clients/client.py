"""What the lab asks of every client."""

import dataclasses
import json
import os

from testlab.lab import process

_PULL_TIMEOUT_S = 120
_TOOL_TIMEOUT_S = 60


@dataclasses.dataclass(frozen=True)
class Registries:
    """Where a client pulls: from `address` itself, and from it instead of from `mirrored`.

    For `unknown` a client that can is configured to ask it too, but it stands in for no such name.
    """

    address: str
    mirrored: str
    unknown: str


class Client:
    """A container runtime, or a tool that unpacks images, with folders of its own.

    Those who derive from it say how they pull and what they then hold.
    """

    name = None

    def __init__(self, host, folder, registries):
        self.host = host
        self.folder = folder
        self.registries = registries
        os.makedirs(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def pull(self, reference):
        """Pulls REGISTRY/REPOSITORY:TAG. LabError if it fails."""
        raise NotImplementedError

    def differences(self, reference, made):
        """What is wrong with the client's copy of `made` (formats.Made); empty: nothing."""
        raise NotImplementedError

    def blobs_of(self, made):
        """{digest: size} of the blobs that it fetches when it pulls `made`."""
        image = json.loads(made.image.data)
        return {blob["digest"]: blob["size"] for blob in (image["config"], *image["layers"])}

    def direct(self, name):
        """The reference to REPOSITORY:TAG at the registry itself."""
        return f"{self.registries.address}/{name}"

    def through_mirror(self, name):
        """The reference for which the client is configured to ask the registry as a mirror."""
        return f"{self.registries.mirrored}/{name}"

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        """A file of the client's configuration; returns its path."""
        path = self._path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _run(self, argv, timeout_s=_PULL_TIMEOUT_S):
        """Runs a program on the client's host; returns what it printed."""
        return process.run(self.host, argv, timeout_s).stdout.strip()


class DaemonClient(Client):
    """A client of a daemon that runs while the client is used.

    Those who derive from it make `_daemon`, a process.Process, and say how their tool is called.
    """

    start_timeout_s = None
    stop_s = None

    def __enter__(self):
        self._daemon.start()
        self._daemon.until("its API", self._answers, self.start_timeout_s)
        return self

    def __exit__(self, *_):
        self._daemon.end(self.stop_s)

    def _tool(self, *arguments):
        """The command line that speaks to the daemon."""
        raise NotImplementedError

    def _answers(self):
        argv = self._tool("version")
        return process.run(self.host, argv, _TOOL_TIMEOUT_S, check=False).returncode == 0


def differences_of_tree(folder, tree):
    """What is wrong with an unpacked image; `tree`: {path: content}, all of its regular files."""
    there = set()
    for place, _, names in os.walk(folder):
        there.update(os.path.relpath(os.path.join(place, name), folder) for name in names)
    wrong = [f"{path} does not belong to it" for path in sorted(there - tree.keys())]
    for path, content in tree.items():
        if path not in there:
            wrong.append(f"{path} is missing")
            continue
        with open(os.path.join(folder, path), "rb") as file:
            if file.read() != content:
                wrong.append(f"{path} has other content")
    return wrong
