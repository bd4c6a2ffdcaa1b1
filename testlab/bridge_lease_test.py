"""Two bridges of one Harbor, of which one works: real processes, a real registry, a real Redis.

The registry tells no bridge of pushes: what a bridge knows, it was told by the test or found by
reconciliation.

  bridge_lease_test.py --program=NAME=PATH...
"""

import json
import os
import random
import re
import signal
import tempfile
import time
import unittest
import urllib.parse

from testlab.lab import formats, process, wait
from testlab.lab.bridged import BridgedCluster
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS, main
from testlab.lab.redis import Redis
from testlab.lab.upload import upload

_TTL_S = 5
# What a busy machine may be late by.
_SLACK_S = 5
_TIMEOUT_S = 60
_LAYER_BYTES = 3_000
_TYPE = "application/vnd.docker.distribution.events.v1+json"


class BridgeLeaseTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(folder.cleanup)
        cls.cluster = BridgedCluster(
            *(LoopbackNetwork(), folder.name, PROGRAMS),
            bridges=("a", "b"),
            with_tls=False,
            tells_bridge=False,
        )
        cls.addClassCleanup(cls.cluster.close)
        cls.redis = Redis(
            cls.cluster.add_host("redis"),
            folder.name,
            os.path.join(cls.cluster.logs, "redis.log"),
        )
        cls.cluster.add_process(cls.redis)
        cls.redis.start()
        cls.registry = cls.cluster.registry
        cls.names = (f"app{number}" for number in range(1000))
        for bridge in cls.cluster.bridges:
            bridge.configure(
                lease={
                    "name": "lab",
                    "ttl": f"{_TTL_S}s",
                    "redis": {"addr": cls.redis.place.address, "password": cls.redis.password},
                },
                reconcile={"registry_interval": "1h", "requests_per_second": 1000},
            )
        # Only one of them is ever ready.
        cls.cluster.start(but=cls.cluster.bridges)

    def setUp(self):
        """Both live, one works, and each knows what the registry has."""
        if not self.redis.running:
            self.redis.start()
        for bridge in self.cluster.bridges:
            if not bridge.running:
                bridge.start()
        for bridge in self.cluster.bridges:
            bridge.until("health", bridge.healthy, _TIMEOUT_S)
            bridge.until("a first look", lambda b=bridge: self._rounds(b) >= 1, _TIMEOUT_S)
        self.holder = self.wait_for_holder(self.cluster.bridges)
        (self.standby,) = [b for b in self.cluster.bridges if b is not self.holder]

    @staticmethod
    def _rounds(bridge):
        return bridge.metrics().total("kraken_bridge_reconcile_rounds_total", result="done")

    @staticmethod
    def lease(bridge):
        return json.loads(bridge.place.get("/api/v1/lease").body)

    def wait_for_holder(self, bridges):
        def held():
            return next((b for b in bridges if b.running and self.lease(b)["held"]), None)

        return wait.until("a bridge to hold the lease", held, _TIMEOUT_S)

    def wait_for_standby(self, bridge):
        bridge.until("standby", lambda: not self.lease(bridge)["held"], _TIMEOUT_S)

    def push(self, layers=1):
        """An image, of which no bridge is told: (repository, made)."""
        repository = f"lease/{next(self.names)}"
        source = random.Random(repository)
        made = formats.make_flat_image(
            repository, [source.randbytes(_LAYER_BYTES) for _ in range(layers)]
        )
        upload(self.registry, repository, made, "1")
        return repository, made

    def tell(self, bridge, repository):
        """The status of its answer to the registry's own events of this repository."""

        def events():
            return [
                event
                for event in self.cluster.core.events_from(0)
                if event["target"]["repository"] == repository and event["target"].get("tag")
            ]

        body = json.dumps({"events": wait.until("the core's event", events, _TIMEOUT_S)})
        headers = {"Authorization": self.cluster.event_authorization, "Content-Type": _TYPE}
        return bridge.place.send("POST", "/registry/notifications", body, headers).status

    def wait_until_warm(self, made):
        left = list(self.cluster.copies(made))

        def all_there():
            left[:] = [copy for copy in left if not copy[0].holds(*copy[1:])]
            return not left

        wait.until("the image to be warm", all_there, _TIMEOUT_S)

    def is_cold(self, made):
        return not any(origin.holds(*copy) for origin, *copy in self.cluster.copies(made))

    def wait_for_no_jobs(self, bridge):
        def idle():
            (harbor,) = json.loads(bridge.place.get("/api/v1/harbors").body)["harbors"]
            self.assertEqual(harbor["dead"], 0)
            return harbor["running"] + harbor["pending"] == 0

        bridge.until("no jobs", idle, _TIMEOUT_S)

    def write_under(self, lease, epoch):
        """What our servers say to writes under this epoch: {operation: (status, message)}"""
        argv = [
            self.cluster.program("write-under-epoch"),
            f"--origin={self.cluster.origin.place.address}",
            f"--build_index={self.cluster.build_index.place.address}",
            f"--lease={lease}",
            f"--epoch={epoch}",
        ]
        said = process.run(self.cluster.hosts["a"], argv, _TIMEOUT_S).stdout
        answers = dict(re.findall(r"^(\w+): (.*)$", said, re.MULTILINE))
        self.assertEqual(sorted(answers), ["drop_tags", "evict", "prefetch", "put_tag"])
        return answers

    def tag(self, repository):
        name = urllib.parse.quote(f"{repository}:1", safe="")
        return self.cluster.build_index.place.get(f"/tags/{name}").text

    def test_one_works_and_the_other_says_who(self):
        holder, standby = self.lease(self.holder), self.lease(self.standby)
        for key in ("epoch", "holder", "name"):
            self.assertEqual(standby[key], holder[key])
        ready = self.standby.place.get("/readiness")
        self.assertEqual(ready.status, 503)
        self.assertIn("standby", ready.text)
        self.assertIn(holder["holder"], ready.text)
        self.assertEqual(self.holder.place.get("/readiness").status, 200)
        for bridge, held in ((self.holder, 1), (self.standby, 0)):
            self.assertEqual(bridge.metrics().total("kraken_bridge_lease_held"), held)
            epoch = bridge.metrics().total("kraken_bridge_lease_epoch")
            self.assertEqual(epoch, holder["epoch"])

    def test_who_is_killed_is_replaced_and_what_it_missed_is_done(self):
        repository, told = self.push()
        self.assertIn(self.tell(self.standby, repository), range(200, 300))
        epoch = self.lease(self.holder)["epoch"]
        self.holder.kill()
        killed = time.monotonic()
        _, missed = self.push()
        self.assertTrue(self.is_cold(told) and self.is_cold(missed))
        self.wait_for_holder([self.standby])
        took = time.monotonic() - killed
        print(f"killed with -9 -> taken over: {took:.1f} s of a ttl of {_TTL_S} s", flush=True)
        self.assertLess(took, _TTL_S + _SLACK_S)
        self.assertGreater(self.lease(self.standby)["epoch"], epoch)
        # What it was told as standby, and what nobody was told.
        self.wait_until_warm(told)
        self.wait_until_warm(missed)
        self.wait_for_no_jobs(self.standby)

    def test_who_leaves_in_order_is_replaced_at_once(self):
        code, _ = self.holder.terminate(_TIMEOUT_S)
        self.assertEqual(code, 0)
        left = time.monotonic()
        self.wait_for_holder([self.standby])
        print(f"left in order -> taken over: {time.monotonic() - left:.1f} s", flush=True)

    def test_a_holder_that_was_paused_writes_no_more(self):
        failed = [bridge.failed_jobs() for bridge in self.cluster.bridges]
        self.holder.signal(signal.SIGSTOP)
        try:
            self.wait_for_holder([self.standby])
            repository, made = self.push()
            self.assertIn(self.tell(self.standby, repository), range(200, 300))
            self.wait_until_warm(made)
        finally:
            self.holder.signal(signal.SIGCONT)
        self.wait_for_standby(self.holder)
        self.holder.until(
            "the other to be known",
            lambda: self.lease(self.holder)["holder"] == self.lease(self.standby)["holder"],
            _TIMEOUT_S,
        )
        self.assertTrue(self.lease(self.standby)["held"])
        self.assertEqual(failed, [bridge.failed_jobs() for bridge in self.cluster.bridges])

    def test_a_write_under_an_old_epoch_is_refused_also_after_restarts(self):
        # Of so many blobs that each origin is given an order.
        repository, made = self.push(layers=10)
        self.assertIn(self.tell(self.holder, repository), range(200, 300))
        self.wait_until_warm(made)
        self.wait_for_no_jobs(self.holder)
        epoch = self.lease(self.holder)["epoch"]
        servers = [self.cluster.origin, self.cluster.build_index]
        for life in ("first", "second"):
            with self.subTest(life=life):
                before = [self._stale(server) for server in servers]
                for operation, answer in self.write_under("lab", epoch - 1).items():
                    self.assertIn("FAILED_PRECONDITION", answer, operation)
                    self.assertIn(f"stale write epoch {epoch - 1}: epoch {epoch} ", answer)
                for operation, answer in self.write_under("", 0).items():
                    self.assertIn("FAILED_PRECONDITION", answer, operation)
                    self.assertIn("section `lease`", answer)
                after = [self._stale(server) for server in servers]
                self.assertEqual(after, [count + 4 for count in before])
                for server in servers:
                    server.kill()
                    server.start()
                for server in servers:
                    server.wait_until_ready()
        self.assertEqual(self.tag(repository), made.root.digest)
        # The holder's own are as welcome as ever.
        for operation, answer in self.write_under("lab", epoch).items():
            self.assertRegex(answer, "^OK|^NOT_FOUND", operation)

    @staticmethod
    def _stale(server):
        return server.metrics().total("kraken_stale_writes_total")

    def test_without_redis_the_holder_works_until_its_time_is_up_and_nothing_is_lost(self):
        repository, first = self.push()
        self.redis.kill()
        self.assertIn(self.tell(self.holder, repository), range(200, 300))
        self.wait_until_warm(first)
        self.wait_for_standby(self.holder)
        self.assertEqual(self.holder.place.get("/readiness").status, 503)
        repository, second = self.push()
        for bridge in self.cluster.bridges:
            self.assertIn(self.tell(bridge, repository), range(200, 300))
        self.assertTrue(self.is_cold(second))
        self.redis.start()  # It has forgotten the epoch too.
        holder = self.wait_for_holder(self.cluster.bridges)
        self.wait_until_warm(second)
        self.wait_for_no_jobs(holder)


if __name__ == "__main__":
    main()
