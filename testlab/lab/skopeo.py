"""skopeo, a real client that pushes and pulls."""

import os

from testlab.lab import process, signatures
from testlab.lab.process import Process

_PUSH_TIMEOUT_S = 120
_LOGIN_TIMEOUT_S = 30


class Skopeo:
    """Runs skopeo without anything of the machine's own configuration."""

    def __init__(self, folder):
        """`folder`: for its temporary files and logs."""
        self._folder = folder
        self._pulls = 0
        self._logins = 0
        self._signatures = signatures.look_nowhere(folder)

    def _command(self, *arguments):
        # No policy: a policy decides whose signatures are asked for, which is not the lab's matter.
        options = ["--insecure-policy", "--tmpdir", self._folder]
        options += ["--registries.d", self._signatures]
        return ["skopeo", *options, "copy", *arguments]

    def push(self, client, image, registry, name, everything=False):
        """Pushes an image's folder as `name` (repository:tag); its digests stay as they are."""
        options = ["--dest-tls-verify=false", "--preserve-digests"]
        options += ["--all"] if everything else []
        credentials = f"--dest-creds={registry.credentials}"
        target = f"docker://{registry.place.address}/{name}"
        command = self._command(*options, credentials, f"oci:{image.folder}", target)
        process.run(client, command, _PUSH_TIMEOUT_S)

    def pull(self, client, place, name, everything=False, login=None):
        """Begins to pull `name` from a registry into a folder; returns the Pull.

        `login`: what log_in() or no_login() returned; None: the machine's own.
        """
        self._pulls += 1
        folder = os.path.join(self._folder, f"pull-{self._pulls}")
        options = ["--src-tls-verify=false", "--preserve-digests"]
        options += ["--all"] if everything else []
        options += [f"--src-authfile={login}"] if login else []
        command = self._command(*options, f"docker://{place.address}/{name}", f"dir:{folder}")
        return Pull(client, place, name, command, folder)

    def log_in(self, client, place, account):
        """Has a registry check credentials; returns the file in which they are kept.

        LabError says what skopeo says if the registry refuses them.
        """
        file = self.no_login()
        command = ["skopeo", "login", "--tls-verify=false", f"--authfile={file}"]
        command += [f"--username={account.name}", f"--password={account.secret}", place.address]
        process.run(client, command, _LOGIN_TIMEOUT_S)
        return file

    def no_login(self):
        """A file without credentials."""
        self._logins += 1
        file = os.path.join(self._folder, f"login-{self._logins}.json")
        with open(file, "w", encoding="utf-8") as written:
            written.write("{}")
        return file


class Pull(Process):
    """A pull under way."""

    def __init__(self, client, place, name, command, folder):
        super().__init__(client, f"skopeo pull {name} at {client.name}", command, folder + ".log")
        self.folder = folder
        self._place = place
        self._name = name
        self.start()

    def why_it_failed(self):
        """What skopeo says, and what it does not: how the registry words its answer, by now."""
        repository, _, tag = self._name.partition(":")
        path = f"/v2/{repository}/manifests/{tag}"
        try:
            answer = self._place.get(path)
            now = f"{answer.status} {answer.text[:500]}"
        except OSError as error:
            now = str(error)
        return f"{self.log_tail()}\nGET {path} now: {now}"
