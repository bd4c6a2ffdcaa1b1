"""The least of a cluster that serves a pull: an origin, a tracker, a build-index, agents."""

from testlab.lab import wait
from testlab.lab.cluster import Cluster
from testlab.lab.daemons import Agent, BuildIndex, NoSecurity, Origin, Tracker
from testlab.lab.registry import Registry

ORIGIN = "origin"


class SmallCluster(Cluster):
    """Hosts at once; daemons with add_daemons(), when it is known where the blobs come from."""

    def __init__(self, network, folder, programs, agents, with_tls=True, origins=(ORIGIN,)):
        """`agents`, `origins`: their names; the first origin is the one that `origin` is."""
        super().__init__(network, folder, programs)
        self._agent_names = agents
        self._origin_names = origins
        self._others = []
        for name in (*origins, "tracker", "build-index", *agents):
            self.add_host(name)
        self.origin = self.tracker = self.build_index = None
        self.agents = []
        self.origins = []
        self.security = self._make_security(self.hosts[origins[0]]) if with_tls else NoSecurity()

    def add_daemons(self, blobs, tags):
        """`blobs`, `tags`: the `backend` of all repositories, at the origin and the build-index."""
        hosts = [self.hosts[name] for name in self._origin_names]
        origins = [f"{host.ip}:{host.port(Origin.PORT)}" for host in hosts]
        backends = [{"namespace": ".*", "backend": blobs}]
        self.origins = [
            self._new(Origin, name, "kraken-origin", origins, backends)
            for name in self._origin_names
        ]
        self.origin = self.origins[0]
        self.tracker = self._new(Tracker, "tracker", "kraken-tracker", origins)
        self.build_index = self._new(
            *(BuildIndex, "build-index", "kraken-build-index"),
            [{"namespace": ".*", "backend": tags}],
        )
        addresses = self.tracker.place.address, self.build_index.place.address, origins
        self.agents = [
            self._new(Agent, name, "kraken-agent", *addresses) for name in self._agent_names
        ]

    @property
    def _daemons(self):
        return [*self.origins, self.tracker, self.build_index, *self.agents]

    def lacks(self, made):
        """[(origin, digest)] of what is not yet on an origin's disk. `made`: formats.Made.

        For clusters of no more origins than hold each blob.
        """
        sizes = {digest: len(content) for digest, content in made.blobs.items()}
        sizes.update((manifest.digest, len(manifest.data)) for manifest in made.manifests)
        return [
            (origin.name, digest)
            for origin in self.origins
            for digest, size in sizes.items()
            if not origin.holds(digest, size)
        ]

    def wait_until_warm(self, made, timeout_s):
        """Until every origin has all of it."""
        wait.until("the origins to hold the image", lambda: not self.lacks(made), timeout_s)

    def add_process(self, other):
        """One that ends with the cluster, but is started by who adds it."""
        self._others.append(other)

    @property
    def processes(self):
        return [*self._daemons, *self._others]

    def start(self, but=()):
        """Starts all of our processes side by side and waits until each is ready, `but` these."""
        for daemon in self._daemons:
            daemon.start()
        for daemon in self._daemons:
            if daemon not in but:
                daemon.wait_until_ready()


class BackedCluster(SmallCluster):
    """With a real registry behind it, to which `upload` pushes. No events: pulls fetch."""

    def __init__(self, network, folder, programs, agents):
        super().__init__(network, folder, programs, agents)
        self.add_host("registry")
        self.registry = Registry(
            *(self.hosts["registry"], f"{folder}/hosts/registry"),
            *(f"{self.logs}/registry.log", {}),
        )
        backend = {
            "address": self.registry.place.address,
            "security": self.registry.backend_security(),
        }
        self.add_daemons({"registry_blob": backend}, {"registry_tag": backend})
        # Lists of tags and of referrers come from there.
        for agent in self.agents:
            agent.configure(access={"rules": [{"namespace": ".*", "harbor": backend}]})

    @property
    def processes(self):
        return [self.registry, *super().processes]

    def start(self):
        self.registry.start()
        super().start()
