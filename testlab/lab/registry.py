"""Debian's docker-registry, the program that Harbor runs, configured as Harbor configures it."""

import base64
import hashlib
import json
import os
import secrets
import shutil

from testlab.lab import access_log, process
from testlab.lab.process import Process
from testlab.lab.web import Place

_CHUNK_BYTES = 1 << 20
USUAL_PORT = 5000
USER = "harbor_registry_user"
_START_TIMEOUT_S = 20
_STOP_TIMEOUT_S = 10
_TOOL_TIMEOUT_S = 20
# The lowest that bcrypt has, as Harbor's own set-up uses it: each request pays for it.
_BCRYPT_COST = "5"


class Registry(Process):
    """One Harbor's registry, with basic authentication (or another one, see _auth) and access log.

    `endpoints` are notification endpoints, {name: settings}, in Harbor's order: its core first.
    """

    def __init__(self, host, folder, log_path, endpoints):
        self.place = Place(host.ip, host.port(USUAL_PORT))
        self.password = secrets.token_urlsafe(18)
        self.storage = os.path.join(folder, "storage")
        self._config_path = os.path.join(folder, "config.yml")
        self._passwords_path = os.path.join(folder, "passwd")
        argv = ["docker-registry", "serve", self._config_path]
        super().__init__(host, host.name, argv, log_path)
        os.makedirs(self.storage)
        self._endpoints = endpoints
        self._write_config()

    def remove_endpoint(self, name):
        """Before the start: events go there no more."""
        del self._endpoints[name]
        self._write_config()

    def _write_config(self):
        with open(self._config_path, "w", encoding="utf-8") as file:
            json.dump(self._config(), file, indent=2)  # JSON is YAML.

    def _auth(self):
        """The section `auth`, and what it names."""
        if not os.path.exists(self._passwords_path):
            self._write_passwords()
        realm = "harbor-registry-basic-realm"
        return {"htpasswd": {"realm": realm, "path": self._passwords_path}}

    def _write_passwords(self):
        made = process.run(
            self.host,
            ["htpasswd", "-nbB", "-C", _BCRYPT_COST, USER, self.password],
            _TOOL_TIMEOUT_S,
        )
        with open(self._passwords_path, "w", encoding="utf-8") as file:
            file.write(made.stdout.strip() + "\n")

    def _config(self):
        """What harbor-registry has, without Redis, and with the endpoints."""
        return {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": self.storage},
                "maintenance": {"uploadpurging": {"enabled": False}},
                "delete": {"enabled": True},
                "redirect": {"disable": False},
            },
            "http": {
                "addr": self.place.address,
                "secret": secrets.token_hex(16),
                "relativeurls": False,
            },
            "auth": self._auth(),
            "validation": {"disabled": True},
            "compatibility": {"schema1": {"enabled": True}},
            "notifications": {
                "events": {"includereferences": True},
                "endpoints": [_endpoint(name, own) for name, own in self._endpoints.items()],
            },
        }

    def start(self):
        super().start()
        self.until("its API", lambda: self.place.get("/v2/").status == 401, _START_TIMEOUT_S)
        return self

    def stop(self):
        self.end(_STOP_TIMEOUT_S)

    @property
    def credentials(self):
        """As skopeo takes them."""
        return f"{USER}:{self.password}"

    def authorization(self):
        """The header for a request of our own."""
        return {"Authorization": "Basic " + base64.b64encode(self.credentials.encode()).decode()}

    def backend_security(self):
        """The section `security` of a backend that reads from this registry."""
        return {
            "basic": {"username": USER, "password": self.password},
            "tls": {"client": {"disabled": True}},
        }

    def blob_gets(self):
        """All answers so far that carried a blob's bytes."""
        return access_log.blob_gets(access_log.parse(self.log()))

    def blob_path(self, digest):
        """Where its storage keeps a blob's bytes."""
        digits = digest.removeprefix("sha256:")
        blobs = os.path.join(self.storage, "docker/registry/v2/blobs/sha256")
        return os.path.join(blobs, digits[:2], digits, "data")

    def plant_noise(self, repository, size_bytes):
        """Puts a blob of noise into its storage, without a push; returns the digest."""
        path = os.path.join(self.storage, "planted")
        sha256 = hashlib.sha256()
        with open(path, "wb") as file:
            for start in range(0, size_bytes, _CHUNK_BYTES):
                chunk = os.urandom(min(_CHUNK_BYTES, size_bytes - start))
                sha256.update(chunk)
                file.write(chunk)
        digest = "sha256:" + sha256.hexdigest()
        os.makedirs(os.path.dirname(self.blob_path(digest)))
        os.rename(path, self.blob_path(digest))
        link = self._link_folder(repository, digest)
        os.makedirs(link)
        with open(os.path.join(link, "link"), "w", encoding="ascii") as file:
            file.write(digest)
        return digest

    def unplant(self, repository, digest):
        """Takes it out of the storage again."""
        shutil.rmtree(self._link_folder(repository, digest))
        shutil.rmtree(os.path.dirname(self.blob_path(digest)))

    def _link_folder(self, repository, digest):
        """What says that a blob belongs to a repository."""
        repositories = os.path.join(self.storage, "docker/registry/v2/repositories")
        return os.path.join(repositories, repository, "_layers", *digest.split(":"))


def _endpoint(name, own):
    return {
        **own,
        "name": name,
        "timeout": "3000ms",
        "threshold": 5,
        "backoff": "1s",
        # Without an ignored media type the registry does not look at ignored actions either.
        "ignoredmediatypes": ["application/octet-stream"],
        "ignore": {"actions": ["pull", "mount"]},
    }
