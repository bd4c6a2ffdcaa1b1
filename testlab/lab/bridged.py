"""A small cluster that a registry tells of pushes: origins, tracker, build-index, bridge."""

import os
import secrets

from testlab.lab.core import Core
from testlab.lab.daemons import Bridge
from testlab.lab.registry import Registry
from testlab.lab.small import SmallCluster

_ORIGINS = ("origin1", "origin2", "origin3")


class BridgedCluster(SmallCluster):
    """One Harbor, whose registry tells its core (the lab's) and the bridge. Without agents, unless
    they are named.

    `bridges`: their names; `bridge` is the first. `tells_bridge` False: the registry tells only the
    core, and a test tells bridges what it likes.
    """

    def __init__(
        self,
        network,
        folder,
        programs,
        agents=(),
        bridges=("bridge",),
        with_tls=True,
        tells_bridge=True,
        origins=_ORIGINS,
    ):
        super().__init__(network, folder, programs, agents, with_tls, origins=origins)
        self.core = Core(network.own_ip)
        self._closers.append(self.core.close)
        # What events must bring.
        self.event_authorization = f"Bearer {secrets.token_urlsafe(18)}"
        hosts = [self.add_host(name) for name in bridges]
        self.registry = self._new_registry(hosts[0] if tells_bridge else None)
        backend = {
            "address": self.registry.place.address,
            "security": self.registry.backend_security(),
        }
        self.add_daemons({"registry_blob": backend}, {"registry_tag": backend})
        harbor = {
            "name": "harbor",
            "namespace": ".*",
            "registry": backend,
            "authorization": self.event_authorization,
        }
        self.bridges = [
            self._new(
                *(Bridge, name, "harbor-bridge", [harbor]),
                [origin.place.address for origin in self.origins],
                *(self.build_index.place.address, self.tracker.place.address),
            )
            for name in bridges
        ]
        self.bridge = self.bridges[0]
        self._locations = {}

    def _new_registry(self, bridge):
        folder = os.path.join(self.folder, "hosts", "registry")
        endpoints = {"harbor": {"url": self.core.url}}
        if bridge:
            endpoints["bridge"] = {
                "url": f"http://{bridge.ip}:{bridge.port(Bridge.PORT)}/registry/notifications",
                "headers": {"Authorization": [self.event_authorization]},
            }
        log = os.path.join(self.logs, "registry.log")
        return Registry(self.add_host("registry"), folder, log, endpoints)

    @property
    def _daemons(self):
        return [*super()._daemons, *self.bridges]

    @property
    def processes(self):
        return [self.registry, *super().processes]

    def start(self, but=()):
        self.registry.start()
        super().start(but)

    def copies(self, made):
        """[(origin, digest, bytes)] of all that must be there when an image is warm."""
        sizes = {digest: len(content) for digest, content in made.blobs.items()}
        sizes.update((manifest.digest, len(manifest.data)) for manifest in made.manifests)
        by_address = {origin.place.address: origin for origin in self.origins}
        return [
            (by_address[address], digest, size)
            for digest, size in sizes.items()
            for address in self._locations_of(digest)
        ]

    def _locations_of(self, digest):
        if digest not in self._locations:
            self._locations[digest] = self.origin.locations(digest)
        return self._locations[digest]
