"""The cluster: two registries as two Harbors, origins, tracker, build-index, bridge, agents."""

import os
import secrets

from testlab.lab import wait
from testlab.lab.cluster import Cluster
from testlab.lab.core import Core
from testlab.lab.daemons import Agent, Bridge, BuildIndex, Origin, Tracker
from testlab.lab.errors import LabError
from testlab.lab.images import Image, Index, make_noise_image
from testlab.lab.registry import Registry
from testlab.lab.skopeo import Skopeo

ORIGINS = 3
AGENTS = 5
FIRST, SECOND = "harbor1", "harbor2"
# Which repositories are whose; the first expression that matches decides.
NAMESPACES = (("^team-b/.*", SECOND), (".*", FIRST))
# Agents with this label have what is pushed to edge/… before anybody pulls it.
EDGE_LABELS = {"role": "edge"}
_ROUTES = (
    {"name": "edge", "image": "^edge/", "preheat": "label.role=edge", "continue": True},
    {"name": "all", "image": ".*", "prefetch": {}, "tag": "set", "invalidate": True},
)
_HOLD_TIMEOUT_S = 60


class Lab(Cluster):
    """Everything in it, and what steps need again and again."""

    def __init__(self, network, folder, programs, image_folders, kill_seed=0):
        """`programs`, `image_folders`: {name: path}. Starts nothing."""
        super().__init__(network, folder, programs)
        self._image_folders = image_folders
        self.kill_seed = kill_seed
        # What happens to a process's store while it is dead; for sabotage.
        self.between_lives = lambda daemon, digest: None
        self.skopeo = Skopeo(os.path.join(folder, "skopeo"))
        self.core = Core(network.own_ip)
        self._closers.append(self.core.close)
        self._add_all()

    # ---- What there is ----

    def _add_all(self):
        names = [FIRST, SECOND, *(f"origin{n + 1}" for n in range(ORIGINS))]
        names += ["tracker", "build-index", "bridge", *(f"agent{n + 1}" for n in range(AGENTS))]
        for name in names:
            self.add_host(name)
        self.security = self._make_security(self.hosts["bridge"])
        self.event_authorization = f"Bearer {secrets.token_urlsafe(18)}"
        self.registries = {name: self._new_registry(name) for name in (FIRST, SECOND)}
        backends = self._backends("registry_blob")
        self.origin_addresses = [
            f"{self.hosts[name].ip}:{self.hosts[name].port(Origin.PORT)}"
            for name in names
            if name.startswith("origin")
        ]
        self.origins = [
            self._new(Origin, name, "kraken-origin", self.origin_addresses, backends)
            for name in names
            if name.startswith("origin")
        ]
        self.tracker = self._new(Tracker, "tracker", "kraken-tracker", self.origin_addresses)
        self.build_index = self._new(
            BuildIndex, "build-index", "kraken-build-index", self._backends("registry_tag")
        )
        self.bridge = self._new(
            *(Bridge, "bridge", "harbor-bridge", self._harbors(), self.origin_addresses),
            *(self.build_index.place.address, self.tracker.place.address),
        )
        self.bridge.configure(routes=_ROUTES)
        self.agents = [self._new_agent(f"agent{number + 1}") for number in range(AGENTS)]
        self.edge_name = self.agents[-1].name
        self.agents[-1].configure(labels=EDGE_LABELS)

    def _new_registry(self, name):
        folder = os.path.join(self.folder, "hosts", name)
        os.makedirs(folder)
        bridge = self.hosts["bridge"]
        # A path without a name means the first Harbor in the bridge's list.
        is_default = name == NAMESPACES[0][1]
        path = "/registry/notifications" if is_default else f"/{name}/registry/notifications"
        endpoints = {
            "harbor": {"url": self.core.url},
            "bridge": {
                "url": f"http://{bridge.ip}:{bridge.port(Bridge.PORT)}{path}",
                "headers": {"Authorization": [self.event_authorization]},
            },
        }
        log = os.path.join(self.logs, f"{name}.log")
        return Registry(self.hosts[name], folder, log, endpoints)

    def _new_agent(self, name):
        tracker, build_index = self.tracker.place.address, self.build_index.place.address
        origins = self.origin_addresses
        return self._new(Agent, name, "kraken-agent", tracker, build_index, origins)

    def add_agent(self, name):
        """One more agent, on a host of its own. Not started."""
        self.add_host(name)
        agent = self._new_agent(name)
        self.agents.append(agent)
        return agent

    def _backends(self, kind):
        """The regex router's list."""
        return [
            {
                "namespace": pattern,
                "backend": {
                    kind: {
                        "address": self.registries[name].place.address,
                        "security": self.registries[name].backend_security(),
                    }
                },
            }
            for pattern, name in NAMESPACES
        ]

    def _harbors(self):
        """The bridge's list, in the same order: the first that matches has the repository."""
        return [
            {
                "name": name,
                "namespace": pattern,
                "registry": {
                    "address": self.registries[name].place.address,
                    "security": self.registries[name].backend_security(),
                },
                "authorization": self.event_authorization,
            }
            for pattern, name in NAMESPACES
        ]

    def image(self, name):
        """An image that Bazel built."""
        return Image(os.path.abspath(self._image_folders[name]))

    def index(self, name):
        return Index(os.path.abspath(self._image_folders[name]))

    def noise_image(self, name, *layer_bytes):
        """An image that nobody has seen yet."""
        return make_noise_image(os.path.join(self.folder, "images", name), name, layer_bytes)

    @property
    def first(self):
        return self.registries[FIRST]

    @property
    def second(self):
        return self.registries[SECOND]

    @property
    def daemons(self):
        """Our own processes."""
        return [*self.origins, self.tracker, self.build_index, self.bridge, *self.agents]

    @property
    def processes(self):
        return [*self.daemons, *self.registries.values()]

    # ---- What steps do ----

    def start(self):
        """Starts all processes side by side and waits until each is ready."""
        for registry in self.registries.values():
            registry.start()
        for daemon in self.daemons:
            daemon.start()
        for daemon in self.daemons:
            daemon.wait_until_ready()

    def push(self, image, name, registry=None, everything=False):
        """Pushes with skopeo, to the first registry unless told otherwise."""
        registry = registry or self.first
        self.skopeo.push(registry.host, image, registry, name, everything)

    def missing_copies(self, image):
        """["origin2 lacks sha256:…"] for an image's blobs on all origins that should hold them."""
        alive = [origin for origin in self.origins if origin.running]
        by_address = {origin.place.address: origin for origin in alive}
        missing = []
        for digest, size in {**image.blobs, image.digest: image.manifest_bytes}.items():
            for address in alive[0].locations(digest):
                if not by_address[address].holds(digest, size):
                    missing.append(f"{by_address[address].name} lacks {digest}")
        return missing

    def wait_until_origins_hold(self, image):
        """By condition, without asking an origin for a blob."""
        left = [None]

        def all_hold():
            left[0] = self.missing_copies(image)
            return not left[0]

        try:
            wait.until("the origins to hold every blob", all_hold, _HOLD_TIMEOUT_S)
        except LabError as error:
            raise LabError(f"{error}: {left[0]}") from None

    def revive(self, origin):
        """Starts a dead origin again, and waits until the others count on it."""
        origin.start().wait_until_ready()
        # They do not for as long as a health check needs to pass.
        wait.until("all origins to see the same ring", self._ring_is_agreed, _HOLD_TIMEOUT_S)

    def _ring_is_agreed(self):
        probes = [f"sha256:{number * 0x1111:04x}{'0' * 60}" for number in range(16)]
        alive = [origin for origin in self.origins if origin.running]
        views = [[origin.locations(digest) for digest in probes] for origin in alive]
        return all(view == views[0] for view in views)

    def pull(self, agent, name, everything=False):
        """Begins a pull on the agent's own host, as a container runtime there would."""
        return self.skopeo.pull(agent.host, agent.registry, name, everything)
