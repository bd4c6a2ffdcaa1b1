"""An agent whose cluster does not answer, in part or at all: requests end in time, and rightly.

A client goes on to another registry after an error, but not after a "404": that would say that the
image does not exist. A process that hangs is worse than one that is gone; both are tried.

  registry_outage_test.py --program=NAME=PATH...
"""

import signal
import time

from testlab.lab import formats, wait
from testlab.lab.agent_case import REPOSITORY, AgentCase, main

# How long the agent lets a client wait for a blob that nobody can get.
_PATIENCE_S = 2
# For any request: that, and what asking for a tag twice takes.
_LIMIT_S = 25
_WELL_S = 60
_END_S = 10
_UPSTREAM_STATUSES = (502, 503, 504)


class OutageTest(AgentCase):
    """One cluster; each test breaks it in another way, and mends it."""

    @classmethod
    def configure(cls, cluster):
        for agent in cluster.agents:
            agent.configure(downloads={"metainfo_timeout": f"{_PATIENCE_S}s"})

    def _hang(self, *daemons):
        for daemon in daemons:
            daemon.signal(signal.SIGSTOP)

    def _go_on(self, *daemons):
        for daemon in daemons:
            daemon.signal(signal.SIGCONT)

    def _stop(self, *daemons):
        for daemon in daemons:
            daemon.end(_END_S)

    def _start(self, *daemons):
        for daemon in daemons:
            daemon.start()
        for daemon in daemons:
            daemon.wait_until_ready()

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
        self._check(self._hang, self._go_on, self.cluster.build_index)

    def test_build_index_is_gone(self):
        self._check(self._stop, self._start, self.cluster.build_index)

    def test_tracker_hangs(self):
        self._check(self._hang, self._go_on, self.cluster.tracker)

    def test_tracker_is_gone(self):
        self._check(self._stop, self._start, self.cluster.tracker)

    def test_origin_hangs(self):
        self._check(self._hang, self._go_on, self.cluster.origin)

    def test_origin_is_gone(self):
        self._check(self._stop, self._start, self.cluster.origin)

    def test_registry_hangs(self):
        self._check(self._hang, self._go_on, self.cluster.registry)

    def test_registry_is_gone(self):
        def start(registry):
            registry.start()

        self._check(self._stop, start, self.cluster.registry)

    def test_all_are_gone(self):
        cluster = self.cluster
        self._check(self._stop, self._start, cluster.origin, cluster.tracker, cluster.build_index)


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
