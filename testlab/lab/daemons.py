"""Our five programs as the lab runs them: flags, configuration, what they tell over HTTP."""

import json
import os
import urllib.parse

from testlab.lab import certificates, process
from testlab.lab.metrics import Metrics
from testlab.lab.process import Process
from testlab.lab.store import Store
from testlab.lab.web import Place, Tls

_START_TIMEOUT_S = 30
_DELETE_TIMEOUT_S = 20
# kraken/config/exit_codes.h
EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BAD_CONFIG = 3
EXIT_PORT_TAKEN = 4
EXIT_DIRECTORY_NOT_WRITABLE = 5
EXIT_NO_BACKEND = 6

# How many origins hold each blob.
MAX_REPLICA = 2
# Long, so that a tag which is right at once was made right by an event.
_TAG_TRUST = "10m"
# How long an agent lets a client wait for a blob that no origin can get.
_PATIENCE = "10s"
# Short, so that the lab need not wait long until all count on an origin that is back.
_MONITOR = {"interval": "500ms"}


class Security:
    """Certificates: the lab's own for all processes, and one that nobody has reason to trust."""

    def __init__(self, authority, stranger):
        """`authority`, `stranger`: certificates.Authority."""
        self.authority = authority.certificate
        name = certificates.NAME
        self._files = authority.issue(name)
        self._stranger_files = stranger.issue(name)
        self.client = Tls(self.authority, *self._files, name)
        self.stranger = Tls(self.authority, *self._stranger_files, name)
        self.anonymous = Tls(self.authority, None, None, name)

    def section(self):
        """`tls` of every process."""
        return self._section(*self._files)

    def stranger_section(self):
        """`tls` of one that nobody has reason to trust."""
        return self._section(*self._stranger_files)

    def _section(self, certificate, key):
        end = {"cert": {"path": certificate}, "key": {"path": key}}
        return {
            "name": certificates.NAME,
            "cas": [{"path": self.authority}],
            "server": end,
            "client": end,
        }


class NoSecurity:
    """Plain HTTP and plain connections between peers."""

    client = None

    def section(self):
        return {"server": {"disabled": True}, "client": {"disabled": True}}


class Daemon(Process):
    """One of our programs. `place`: where it serves health and metrics."""

    def __init__(self, host, folder, log_path, program, place, flags, config):
        os.makedirs(folder)
        self.folder = folder
        self.place = place
        self.config_path = os.path.join(folder, "config.yaml")
        self._flags = dict(flags)
        argv = [program, f"-config={self.config_path}"]
        super().__init__(host, host.name, argv, log_path)
        self._fixed_argv = argv
        self._use_flags()
        self._config = config
        self._write_config()

    def _write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self._config, file, indent=2)  # JSON is YAML.

    def use_tls(self, section):
        """Another section `tls`, for the next start."""
        self.configure(tls=section)

    def configure(self, **sections):
        """Other sections of these names, for the next start."""
        self._config.update(sections)
        self._write_config()

    def _use_flags(self):
        self.argv = self._fixed_argv + [f"-{name}={value}" for name, value in self._flags.items()]

    def set_flag(self, name, value):
        """For the next start; None: without the flag."""
        self._flags[name] = value
        if value is None:
            del self._flags[name]
        self._use_flags()

    def healthy(self):
        return self.place.get("/health").status == 200

    def wait_until_ready(self):
        """Until it says that it can do its work."""
        self.until(
            f"{self.place.url}/readiness to say OK",
            lambda: self.place.get("/readiness").status == 200,
            _START_TIMEOUT_S,
        )

    def metrics(self):
        return Metrics(self.place.get("/metrics").text)

    def grpc_port(self):
        """None if it has no gRPC."""
        answer = json.loads(self.place.get("/x/capabilities").body)
        return answer["grpc"]["port"] or None


class SwarmDaemon(Daemon):
    """One that holds blobs and is a peer: an origin or an agent."""

    store = None

    def holds(self, digest, size_bytes):
        """Whether the whole blob is in its store. Asks the disk: a request would make it fetch."""
        return self.store.holds(digest, size_bytes)

    def received_bytes(self):
        """From peers of each kind: {"origin": bytes, "agent": bytes}"""
        now = self.metrics()
        name = "kraken_swarm_received_bytes_total"
        return {peer: now.total(name, peer=peer) for peer in ("origin", "agent")}


class Origin(SwarmDaemon):
    """Caches blobs of the registries and seeds them."""

    PEER_PORT = 15001
    PORT = 15002

    def __init__(self, host, folder, log_path, program, security, cluster, backends):
        """`cluster`: all origins' addresses. `backends`: the section of the same name."""
        self.peer_port = host.port(self.PEER_PORT)
        self.store = Store(os.path.join(folder, "cache"))
        place = Place(host.ip, host.port(self.PORT), security.client)
        flags = {
            "peer-ip": host.ip,
            "peer-port": self.peer_port,
            "blobserver-hostname": host.ip,
            "blobserver-port": place.port,
        }
        config = {
            "castore": {"cache_dir": self.store.folder},
            "cluster": {"static": cluster},
            "monitor": _MONITOR,
            "hashring": {"max_replica": MAX_REPLICA},
            "backends": backends,
            "tls": security.section(),
        }
        super().__init__(host, folder, log_path, program, place, flags, config)

    def fetched_bytes(self):
        """What it has received since it was started: {"backend": bytes, "peers": bytes}."""
        now = self.metrics()
        return {
            "backend": now.total("kraken_backend_received_bytes_total"),
            "peers": now.total("kraken_swarm_received_bytes_total"),
        }

    def locations(self, digest):
        """Addresses of the origins that are to hold the blob, the best first."""
        answer = self.place.get(f"/blobs/{digest}/locations")
        return answer.headers["Origin-Locations"].split(",")

    def get_blob(self, namespace, digest, byte_range=None):
        """Kraken's way to read a blob of an origin."""
        path = f"/namespace/{urllib.parse.quote(namespace, safe='')}/blobs/{digest}"
        headers = {"Range": byte_range} if byte_range else {}
        return self.place.get(path, headers=headers)


class Tracker(Daemon):
    """Tells peers about each other."""

    PORT = 15003

    def __init__(self, host, folder, log_path, program, security, origins):
        place = Place(host.ip, host.port(self.PORT), security.client)
        config = {
            "origin": {"hosts": {"static": origins}, "healthcheck": {"monitor": _MONITOR}},
            "hashring": {"max_replica": MAX_REPLICA},
            "tls": security.section(),
        }
        super().__init__(host, folder, log_path, program, place, {"port": place.port}, config)


class BuildIndex(Daemon):
    """Knows which digest a tag is."""

    PORT = 15004

    def __init__(self, host, folder, log_path, program, security, backends):
        place = Place(host.ip, host.port(self.PORT), security.client)
        config = {
            "localdb": {"source": os.path.join(folder, "tags.db")},
            "tagserver": {"revalidate_after": _TAG_TRUST},
            "backends": backends,
            "tls": security.section(),
        }
        super().__init__(host, folder, log_path, program, place, {"port": place.port}, config)


class Bridge(Daemon):
    """Turns the registries' events into work for origins and build-index."""

    PORT = 10050

    def __init__(
        self, host, folder, log_path, program, security, harbors, origins, build_index, tracker
    ):
        """Addresses of the others; `origins` is a list."""
        place = Place(host.ip, host.port(self.PORT))  # plain: registries trust no lab
        config = {
            "harbors": harbors,
            # What a registry gives out is counted: nobody but the test's own pulls and events asks.
            "reconcile": {"enabled": False},
            "origin": {"hosts": {"static": origins}, "healthcheck": {"monitor": _MONITOR}},
            "hashring": {"max_replica": MAX_REPLICA},
            "build_index": {"hosts": {"static": [build_index]}},
            "tracker": {"hosts": {"static": [tracker]}},
            "work": {"dir": os.path.join(folder, "work")},
            "tls": security.section(),
        }
        super().__init__(host, folder, log_path, program, place, {"port": place.port}, config)

    def failed_jobs(self):
        """Attempts that failed since it was started."""
        return self.metrics().total("kraken_bridge_jobs_total", result="failed")


class Agent(SwarmDaemon):
    """A node's registry, which downloads from the swarm."""

    PEER_PORT = 16001
    PORT = 16002
    REGISTRY_PORT = 13000

    def __init__(self, host, folder, log_path, program, security, tracker, build_index, origins):
        """Addresses of the others; `origins` is a list."""
        self.peer_port = host.port(self.PEER_PORT)
        self.store = Store(os.path.join(folder, "cache"))
        # Where container runtimes pull: plain, as it is for the node itself.
        self.registry = Place(host.ip, host.port(self.REGISTRY_PORT))
        place = Place(host.ip, host.port(self.PORT))
        flags = {
            "peer-ip": host.ip,
            "peer-port": self.peer_port,
            "agent-server-port": place.port,
            "agent-registry-port": self.registry.port,
        }
        config = {
            "store": {"cache_dir": self.store.folder},
            "downloads": {"metainfo_timeout": _PATIENCE},
            "registry": {"docker": {"http": {"net": "tcp", "addr": self.registry.address}}},
            "tracker": {"hosts": {"static": [tracker]}},
            "build_index": {"hosts": {"static": [build_index]}},
            "origin": {"hosts": {"static": origins}, "hashring": {"max_replica": MAX_REPLICA}},
            "tls": security.section(),
        }
        super().__init__(host, folder, log_path, program, place, flags, config)

    def downloads(self):
        """Blobs that it has had to fetch so far, once none is under way."""

        def ended():
            now = self.metrics()
            return now if now.total("kraken_downloads_active") == 0 else None

        now = self.until("no download to be under way", ended, _START_TIMEOUT_S)
        return now.total("kraken_downloads_total")

    def fetched_bytes(self):
        """As Origin.fetched_bytes: all that it has comes from peers."""
        return {"backend": 0, "peers": sum(self.received_bytes().values())}

    def delete(self, digest):
        """Has it delete a blob, or what has come of it, as its own host may."""
        url = f"http://127.0.0.1:{self.place.port}/blobs/{digest}"
        command = ["curl", "--silent", "--show-error", "--fail", "--request", "DELETE", url]
        process.run(self.host, command, _DELETE_TIMEOUT_S)

    def blob_path(self, digest):
        """Where it keeps a blob's bytes."""
        return self.store.blob_path(digest)

    def recorded_bytes(self, digest):
        """How much of an arriving blob it would know to have after a crash."""
        return self.store.recorded_bytes(digest)
