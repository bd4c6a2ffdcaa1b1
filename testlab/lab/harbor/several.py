"""A small cluster with several Harbors, of which some are well."""

import os
import socket
import time

from testlab.lab import certificates
from testlab.lab.daemons import Bridge
from testlab.lab.harbor.accounts import ALL_PROJECTS, SYSTEM
from testlab.lab.harbor.harbor import Harbor
from testlab.lab.harbor.service import server_tls
from testlab.lab.small import SmallCluster

PROJECT = "team"
# What a running bridge needs (README).
_PERMISSIONS = {
    ALL_PROJECTS: frozenset(
        {"repository:pull", "repository:list", "artifact:list", "artifact:read", "tag:list"}
    ),
    SYSTEM: frozenset({"project:list"}),
}
AUTHORIZATION = "Bearer of-the-test"
WELL = ("eu", "dmz")


class SeveralHarbors(SmallCluster):
    """Harbors by the names that the bridge has for them:

    eu        is well, plain HTTP
    dmz       is well, https, certified by an authority that only the bridge and the origins know
    stranger  the same, but nobody told the bridge of that authority
    expired   eu, with a robot account that has expired
    down      nobody listens there
    silent    takes connections and never answers

    Each of their expressions matches every repository of every Harbor: eu is the first, and the
    others' images have their host before them.
    """

    def __init__(self, network, folder, programs):
        super().__init__(network, folder, programs, [], origins=("origin1", "origin2"))
        self.add_host("bridge")
        authority_host = self.add_host("authority")
        authority = certificates.Authority(authority_host, os.path.join(folder, "dmz-tls"))
        tls = server_tls(authority, "dmz", network.own_ip)
        self.harbors = {"eu": self._new_harbor("eu"), "dmz": self._new_harbor("dmz", tls)}
        backends = {name: self._backend(name, authority.certificate) for name in WELL}
        self._silent = socket.create_server((network.own_ip, 0))
        self._closers.append(self._silent.close)
        self._sections = {
            **backends,
            "stranger": self._backend("dmz", None),
            "expired": self._backend("eu", None, time.time() - 1),
            "down": _plain(*self._free_address()),
            "silent": _plain(*self._silent.getsockname()[:2]),
        }
        self._add_daemons(backends)

    def _new_harbor(self, name, tls=None):
        paths = f"{self.folder}/hosts/{name}", f"{self.logs}/{name}.log"
        own_ip = self.network.own_ip
        harbor = Harbor(own_ip, self.add_host(name), *paths, tls=tls, delays_s=(0, 1, 1))
        self._closers.append(harbor.close)
        harbor.projects.add(PROJECT)
        return harbor

    def _backend(self, name, authority, expires_at=None):
        """As a robot account of its own: a section `registry`."""
        harbor = self.harbors[name]
        count = len(harbor.accounts.robots())
        account = harbor.accounts.add_robot_with(f"kraken{count}", _PERMISSIONS)
        account.expires_at = expires_at
        return harbor.backend(account, authority)

    def _free_address(self):
        """Where nobody listens."""
        host = self.add_host("down")
        return host.ip, host.port(443)

    def _add_daemons(self, backends):
        eu = backends["eu"]
        self.add_daemons({"registry_blob": eu}, {"registry_tag": eu})
        for kind, daemons in (
            ("registry_blob", self.origins),
            ("registry_tag", [self.build_index]),
        ):
            entries = [
                {"namespace": r"^dmz\.example/.*", "backend": {kind: backends["dmz"]}},
                {"namespace": ".*", "backend": {kind: eu}},
            ]
            for daemon in daemons:
                daemon.configure(backends=entries)
        self.bridge = self._new(
            *(Bridge, "bridge", "harbor-bridge", self._configured(WELL)),
            [origin.place.address for origin in self.origins],
            *(self.build_index.place.address, self.tracker.place.address),
        )
        url = self.bridge.place.url
        self.bridge.configure(url=url)
        for name in WELL:
            harbor = self.harbors[name]
            target = {
                "type": "http",
                "address": f"{url}/{name}/webhook",
                "auth_header": AUTHORIZATION,
            }
            policy = {"name": "lab", "enabled": True, "event_types": ["PUSH_ARTIFACT"]}
            harbor.webhooks.put(harbor.projects.find(PROJECT), {**policy, "targets": [target]})

    def _configured(self, names):
        """The section `harbors`."""
        return [
            {
                "name": name,
                "namespace": ".*" if name == "eu" else f"^{PROJECT}/.*",
                "host": f"{name}.example",
                "authorization": AUTHORIZATION,
                "registry": self._sections[name],
                "api": {},
            }
            for name in names
        ]

    def know(self, names):
        """For the bridge's next start: it has these Harbors."""
        self.bridge.configure(harbors=self._configured(names))

    @property
    def _daemons(self):
        return [*super()._daemons, self.bridge]

    @property
    def processes(self):
        return [*(harbor.registry for harbor in self.harbors.values()), *super().processes]

    def start(self):
        for harbor in self.harbors.values():
            harbor.registry.start()
        super().start()


def _plain(ip, port):
    return {
        "address": f"{ip}:{port}",
        "security": {
            "basic": {"username": "robot$kraken", "password": "secret"},
            "tls": {"client": {"disabled": True}},
        },
    }
