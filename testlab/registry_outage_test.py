"""An agent whose cluster does not answer, in part or at all: requests end in time, and rightly.

A client goes on to another registry after an error, but not after a "404": that would say that the
image does not exist. A process that hangs is worse than one that is gone; both are tried.

  registry_outage_test.py --program=NAME=PATH...
"""

import signal
import time

from testlab.lab import formats, wait
from testlab.lab.agent_case import REPOSITORY, AgentCase
from testlab.lab.program_case import main
from tools.oci import layout

# How long the agent lets a client wait for a blob that nobody can get.
_PATIENCE_S = 2
# For any request: that, and what asking for a tag twice takes.
_LIMIT_S = 25
_WELL_S = 60
_END_S = 10
_UPSTREAM_STATUSES = (502, 503, 504)


def _hang(*daemons):
    for daemon in daemons:
        daemon.signal(signal.SIGSTOP)


def _go_on(*daemons):
    for daemon in daemons:
        daemon.signal(signal.SIGCONT)


def _stop(*daemons):
    for daemon in daemons:
        daemon.end(_END_S)


def _kill(*daemons):
    for daemon in daemons:
        daemon.kill()


def _start(*daemons):
    for daemon in daemons:
        daemon.start()
    for daemon in daemons:
        daemon.wait_until_ready()


class OutageTest(AgentCase):
    """One cluster; each test breaks it in another way, and mends it."""

    @classmethod
    def configure(cls, cluster):
        for agent in cluster.agents:
            agent.configure(downloads={"metainfo_timeout": f"{_PATIENCE_S}s"})

    def _check(self, break_it, mend_it, *daemons):
        """Cold content of all kinds while some daemons do not answer, warm content too."""
        name = self.id().rpartition(".")[2]
        warm = self.push(formats.make_image(f"{name}-warm", formats.OCI), f"{name}-warm")
        warm_paths = self._paths(warm, f"{name}-warm")
        self._wait_for(warm_paths)
        cold = self.push(formats.make_image(f"{name}-cold", formats.OCI), f"{name}-cold")
        cold_paths = self._paths(cold, f"{name}-cold")
        break_it(*daemons)
        try:
            for path, content in cold_paths.items():
                with self.subTest(path=path):
                    self._check_in_time(path, content)
            for path, content in list(warm_paths.items())[1:]:  # The tag may have moved.
                with self.subTest(path=path):
                    answer = self.send("GET", path, timeout_s=_LIMIT_S)
                    self.check_content(answer, content)
        finally:
            mend_it(*daemons)
        self._wait_for({**warm_paths, **cold_paths})

    def _paths(self, made, tag):
        """{path: content}: a manifest by tag, by digest, then the smallest and the largest blob."""
        manifests = f"/v2/{REPOSITORY}/manifests"
        by_reference = {f"{manifests}/{ref}": made.root.data for ref in (tag, made.root.digest)}
        by_size = sorted(made.blobs.items(), key=lambda item: len(item[1]))
        blobs = {f"/v2/{REPOSITORY}/blobs/{digest}": blob for digest, blob in by_size}
        return {**by_reference, **dict([*blobs.items()][:: len(blobs) - 1])}

    def _check_in_time(self, path, content):
        begin = time.monotonic()
        answer = self.send("GET", path, timeout_s=_LIMIT_S + _PATIENCE_S)
        self.assertLess(time.monotonic() - begin, _LIMIT_S)
        if answer.status == 200:
            self.check_content(answer, content)
        else:
            self.check_error(answer, _UPSTREAM_STATUSES, {"UNAVAILABLE", "UNKNOWN"})

    def _wait_for(self, paths):
        """Until all of it is there and right."""

        def are_there():
            return all(self.send("GET", path).status == 200 for path in paths)

        wait.until("the agent to get everything", are_there, _WELL_S)
        for path, content in paths.items():
            answer = self.send("GET", path)
            self.check_content(answer, content)
            self.assertEqual(answer.body, content)

    def test_build_index_hangs(self):
        self._check(_hang, _go_on, self.cluster.build_index)

    def test_build_index_is_gone(self):
        self._check(_stop, _start, self.cluster.build_index)

    def test_tracker_hangs(self):
        self._check(_hang, _go_on, self.cluster.tracker)

    def test_tracker_is_gone(self):
        self._check(_stop, _start, self.cluster.tracker)

    def test_origin_hangs(self):
        self._check(_hang, _go_on, self.cluster.origin)

    def test_origin_is_gone(self):
        self._check(_stop, _start, self.cluster.origin)

    def test_registry_hangs(self):
        self._check(_hang, _go_on, self.cluster.registry)

    def test_registry_is_gone(self):
        def start(registry):
            registry.start()

        self._check(_stop, start, self.cluster.registry)

    def test_all_are_gone(self):
        cluster = self.cluster
        self._check(_stop, _start, cluster.origin, cluster.tracker, cluster.build_index)


class PastTheTrackerTest(AgentCase):
    """A pull that no tracker helps with comes from the origins, within seconds."""

    _SOON_S = 6

    def _found(self, source):
        return self.metrics().total("kraken_downloads_found_total", source=source)

    def metrics(self):
        return self.cluster.agents[0].metrics()

    def _pull(self, content):
        path = self.push_blob(content)
        begin = time.monotonic()
        answer = self.send("GET", path)
        self.check_content(answer, content)
        self.assertEqual(answer.body, content)
        self.assertLess(time.monotonic() - begin, self._SOON_S)

    def _check_before(self, stop, mend):
        tracker = self.cluster.tracker
        before = self._found("origin")
        stop(tracker)
        try:
            self._pull(self.noise(3 << 20))
            self._pull(self.noise(1000))
        finally:
            mend(tracker)
        self.assertEqual(self._found("origin"), before + 2)

    def _check_during(self, stop, mend):
        content = self.noise(64 << 20)
        path = self.push_blob(content)
        tracker = self.cluster.tracker
        connection = self.agent.connect(_WELL_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            first = response.read(1)
            stop(tracker)
            self.assertEqual(first + response.read(), content)
        finally:
            mend(tracker)
            connection.close()

    def test_is_gone_before_a_pull(self):
        self._check_before(_stop, _start)

    def test_hangs_before_a_pull(self):
        self._check_before(_hang, _go_on)

    def test_dies_during_a_pull(self):
        self._check_during(_kill, _start)

    def test_hangs_during_a_pull(self):
        self._check_during(_hang, _go_on)


class BackendTest(AgentCase):
    """A pull that nobody of the cluster helps with comes from the registry, or fails in time."""

    # containerd gives up when a mirror is silent for 11.6 s.
    _IN_TIME_S = 11
    _SLOW_BITS_PER_S = 16_000_000

    @classmethod
    def configure(cls, cluster):
        for agent in cluster.agents:
            agent.configure(backends=cls._backends(cluster))

    @classmethod
    def _backends(cls, cluster, **more):
        registry = {
            "address": cluster.registry.place.address,
            "security": cluster.registry.backend_security(),
        }
        return [{"namespace": ".*", "backend": {"registry_blob": registry}, **more}]

    def _timed(self, path):
        begin = time.monotonic()
        answer = self.send("GET", path, timeout_s=_LIMIT_S)
        self.assertLess(time.monotonic() - begin, self._IN_TIME_S)
        return answer

    def _read(self, digest):
        """Bytes of each answer with this blob that the registry gave."""
        gets = self.cluster.registry.blob_gets()
        return [get.body_bytes for get in gets if get.digest == digest]

    def _check(self, stop, mend):
        cluster = self.cluster
        others = (cluster.tracker, cluster.origin)
        made = self.push(formats.make_image(self.id().rpartition(".")[2], formats.OCI))
        root = made.root
        contents = {f"/v2/{REPOSITORY}/manifests/{root.digest}": root.data}
        for digest, blob in made.blobs.items():
            contents[f"/v2/{REPOSITORY}/blobs/{digest}"] = blob
        stop(*others)
        try:
            for path, content in contents.items():
                with self.subTest(path=path):
                    answer = self._timed(path)
                    self.check_content(answer, content)
                    self.assertEqual(answer.body, content)
        finally:
            mend(*others)
        for digest, blob in made.blobs.items():
            self.assertEqual(self._read(digest), [len(blob)])
        # Once they are back, it is the swarm's part again.
        content = self.noise(1 << 20)
        path = self.push_blob(content)

        def is_there():
            return self.send("GET", path).status == 200

        wait.until("the swarm to help again", is_there, _WELL_S)
        self.assertEqual(self.send("GET", path).body, content)

    def test_others_are_gone(self):
        self._check(_stop, _start)

    def test_others_hang(self):
        self._check(_hang, _go_on)

    def test_all_are_gone(self):
        cluster = self.cluster
        path = self.push_blob(self.noise(1000))
        others = (cluster.tracker, cluster.origin)
        _stop(cluster.registry, *others)
        try:
            answer = self._timed(path)
        finally:
            cluster.registry.start()
            _start(*others)
        self.check_error(answer, _UPSTREAM_STATUSES, {"UNAVAILABLE", "UNKNOWN"})
        for step in ("trackers: ", "origins: ", "backend: "):
            self.assertIn(step, answer.text)

    def test_all_hang(self):
        cluster = self.cluster
        path = self.push_blob(self.noise(1000))
        everybody = (cluster.registry, cluster.tracker, cluster.origin)
        _hang(*everybody)
        try:
            answer = self._timed(path)
        finally:
            _go_on(*everybody)
        self.check_error(answer, _UPSTREAM_STATUSES, {"UNAVAILABLE", "UNKNOWN"})

    def test_nothing_verified_is_read_again(self):
        cluster = self.cluster
        agent = cluster.agents[0]
        content = self.noise(12 << 20)
        path = self.push_blob(content)
        digest = layout.sha256_digest(content)
        others = (cluster.tracker, cluster.origin)
        limit = {"enable": True, "ingress_bits_per_sec": self._SLOW_BITS_PER_S}
        _stop(agent, *others)
        try:
            agent.configure(backends=self._backends(cluster, bandwidth=limit))
            agent.start()
            agent.until("health", agent.healthy, _WELL_S)
            connection = self.agent.connect(_WELL_S)
            connection.request("GET", path)
            wait.until("some of it", lambda: agent.recorded_bytes(digest) > 3 << 20, _WELL_S)
            _kill(agent)
            connection.close()
            recorded = agent.recorded_bytes(digest)
            self.assertLess(recorded, len(content))
            agent.configure(backends=self._backends(cluster))
            agent.start()
            agent.until("health", agent.healthy, _WELL_S)
            answer = self.send("GET", path)
            # Before the others are back: an origin may then read the blob too, as the agent wants
            # it until it is on the disk.
            wait.until("a log of both reads", lambda: len(self._read(digest)) > 1, _WELL_S)
            reads = self._read(digest)
        finally:
            _start(*others)
        self.check_content(answer, content)
        self.assertEqual(answer.body, content)
        self.assertEqual(len(reads), 2)
        self.assertIn(len(content) - recorded, reads)


class ManyBlobsTest(AgentCase):
    """A tracker's limit is on what an agent wants at a time, not on what it ever wanted."""

    _LIMIT = 4

    @classmethod
    def configure(cls, cluster):
        cluster.tracker.configure(trackerserver={"max_swarms_per_peer": cls._LIMIT})

    def test_small_blobs_one_after_another(self):
        for number in range(2 * self._LIMIT):
            content = f"blob {number}".encode()
            answer = self.send("GET", self.push_blob(content))
            self.check_content(answer, content)


if __name__ == "__main__":
    main()
