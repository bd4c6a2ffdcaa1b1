"""Orders to agents, from Harbor's events and krakenctl to the agents' disks.

A real registry, origin, tracker, build-index, bridge and three agents: by zone, label and share; by
a route; with an agent that dies meanwhile; without a tracker; and what a delete takes away.

  preheat_test.py --program=NAME=PATH...
"""

import os
import random
import signal
import tempfile
import unittest

from testlab.lab import formats, process, wait
from testlab.lab.bridged import BridgedCluster
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS, main
from testlab.lab.upload import upload

_TIMEOUT_S = 60
# A tracker that has just begun gives no orders for 10 s, and the bridge tries again after a while.
_PATIENCE_S = 120
# More than what travels inline, and in several pieces.
_LAYER_BYTES = 1_500_000
# name: (zone, disk)
_AGENTS = {"agent1": ("east", "ssd"), "agent2": ("east", "hdd"), "agent3": ("west", "ssd")}
_ROUTES = [
    {"name": "west", "image": "^west/", "preheat": "zone=west", "continue": True},
    {"name": "all", "image": ".*", "prefetch": {}, "tag": "set", "invalidate": True},
]


class PreheatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(folder.cleanup)
        cls.cluster = BridgedCluster(
            *(LoopbackNetwork(), folder.name, PROGRAMS),
            agents=list(_AGENTS),
            origins=("origin1",),
        )
        cls.addClassCleanup(cls.cluster.close)
        cls.bridge, cls.tracker = cls.cluster.bridge, cls.cluster.tracker
        cls.bridge.configure(routes=_ROUTES)
        for agent in cls.cluster.agents:
            zone, disk = _AGENTS[agent.name]
            agent.set_flag("zone", zone)
            agent.configure(labels={"disk": disk})
        cls.cluster.start()
        cls.agents = {agent.name: agent for agent in cls.cluster.agents}

    def push(self, repository):
        """Another image for each repository, as `1`."""
        layers = [random.Random(f"{repository}/{n}").randbytes(_LAYER_BYTES) for n in range(2)]
        made = formats.make_flat_image(repository, layers)
        upload(self.cluster.registry, repository, made, "1")
        return made

    def _counts(self, made):
        """Blobs that agents have on their disks, of how many: {name: count}, total."""
        blobs = {digest: len(content) for digest, content in made.blobs.items()}
        blobs[made.root.digest] = len(made.root.data)
        counts = {
            name: sum(agent.holds(digest, size) for digest, size in blobs.items())
            for name, agent in self.agents.items()
        }
        return counts, len(blobs)

    def who_has(self, made):
        """Names of agents that have all of it; one with a part of it is a failure."""
        counts, total = self._counts(made)
        self.assertLessEqual(set(counts.values()), {0, total}, counts)
        return {name for name, count in counts.items() if count}

    def wait_until_had(self, made, names, timeout_s=_TIMEOUT_S):
        def all_there():
            counts, total = self._counts(made)
            return all(counts[name] == total for name in names)

        wait.until(f"{names} to have it", all_there, timeout_s)
        self.assertEqual(self.who_has(made), names)

    def preheat(self, image, *arguments):
        """What krakenctl says, and its exit code."""
        command = [self.cluster.program("krakenctl"), "preheat", image]
        command += [f"--bridge={self.bridge.place.url}", *arguments]
        done = process.run(self.bridge.host, command, _PATIENCE_S, check=False)
        return done.stdout + done.stderr, done.returncode

    def preheat_and_check(self, repository, agents, expected):
        made = self.push(repository)
        said, code = self.preheat(f"{repository}:1", f"--agents={agents}")
        self.assertEqual(code, 0, said)
        self.assertIn(f"on {len(expected)} agents ({agents})", said)
        self.assertEqual(self.who_has(made), set(expected))

    def counter(self, daemon, name, **labels):
        return daemon.metrics().total(name, **labels)

    def test_zone(self):
        self.preheat_and_check("a/zone", "zone=east", ["agent1", "agent2"])

    def test_labels(self):
        self.preheat_and_check("a/label", "label.disk=ssd", ["agent1", "agent3"])
        self.preheat_and_check("a/both", "zone=east,label.disk=ssd", ["agent1"])

    def test_a_share_is_always_the_same(self):
        chosen = []
        for number in range(2):
            repository = f"a/share{number}"
            made = self.push(repository)
            said, code = self.preheat(f"{repository}:1", "--agents=share=34%")
            self.assertEqual(code, 0, said)
            self.assertIn("on 2 agents (share=34%)", said)
            chosen.append(self.who_has(made))
            self.assertEqual(len(chosen[-1]), 2)
        self.assertEqual(chosen[0], chosen[1])

    def test_nobody_is_meant(self):
        self.push("a/nobody")
        said, code = self.preheat("a/nobody:1", "--agents=zone=north")
        self.assertEqual(code, 1)
        self.assertIn("no agent that the trackers know is zone=north", said)
        said, code = self.preheat("a/nobody:1", "--agents=zone:north")
        self.assertEqual(code, 1)
        self.assertIn("label.KEY=VALUE", said)

    def test_a_route_brings_a_push_to_agents(self):
        """And who pulls there then has nothing to fetch."""
        made = self.push("west/app")
        self.wait_until_had(made, {"agent3"})
        agent = self.agents["agent3"]
        before = agent.downloads()
        manifest = agent.registry.get("/v2/west/app/manifests/1", timeout_s=_TIMEOUT_S)
        self.assertEqual(manifest.body, made.root.data)
        for digest, content in made.blobs.items():
            got = agent.registry.get(f"/v2/west/app/blobs/{digest}", timeout_s=_TIMEOUT_S)
            self.assertEqual(got.body, content)
        self.assertEqual(agent.downloads(), before)
        self.assertGreater(
            self.counter(self.bridge, "kraken_bridge_agent_orders_total", order="preheat"), 0
        )

    def test_an_agent_that_dies_meanwhile_is_named_and_then_left_out(self):
        made = self.push("a/death")
        victim = self.agents["agent2"]
        victim.signal(signal.SIGSTOP)  # Its streams stand, and it does nothing.
        said, code = self.preheat("a/death:1", "--agents=zone=east", "--detach")
        self.assertEqual(code, 0, said)
        wait.until(
            "the agents to be at work",
            lambda: self.counter(self.tracker, "kraken_tracker_orders_running") == 1,
            _TIMEOUT_S,
        )
        victim.kill()
        # The same job.
        said, code = self.preheat("a/death:1", "--agents=zone=east")
        self.assertEqual(code, 0, said)
        self.assertIn("on 1 agents (zone=east)", said)
        self.assertEqual(self.who_has(made), {"agent1"})
        gone = self.counter(self.tracker, "kraken_tracker_ordered_agents_total", result="gone")
        self.assertEqual(gone, 1)
        victim.start().wait_until_ready()

    def test_without_a_tracker_it_is_tried_again(self):
        made = self.push("a/later")
        self.tracker.terminate(_TIMEOUT_S)
        said, code = self.preheat("a/later:1", "--agents=zone=west", "--detach")
        self.assertEqual(code, 0, said)
        wait.until("the failure", lambda: "no tracker gives orders" in self._jobs(), _TIMEOUT_S)
        self.tracker.start().wait_until_ready()
        self.wait_until_had(made, {"agent3"}, _PATIENCE_S)

    def _jobs(self):
        return self.bridge.place.get("/api/v1/jobs?state=pending").text

    def test_what_is_deleted_is_served_no_more(self):
        made = self.push("a/deleted")
        said, code = self.preheat("a/deleted:1", "--agents=all")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.who_has(made), set(_AGENTS))
        registry = self.cluster.registry
        path = f"/v2/a/deleted/manifests/{made.root.digest}"
        answer = registry.place.send("DELETE", path, headers=registry.authorization())
        self.assertEqual(answer.status, 202, answer.text)
        size = len(made.root.data)

        def all_dropped():
            return not any(agent.holds(made.root.digest, size) for agent in self.agents.values())

        wait.until("the agents to drop the manifest", all_dropped, _TIMEOUT_S)
        for name, agent in self.agents.items():
            for reference in (made.root.digest, "1"):
                got = agent.registry.get(f"/v2/a/deleted/manifests/{reference}")
                self.assertEqual(got.status, 404, f"{name} {reference}: {got.text[:300]}")
            # Other images may have them.
            for digest, content in made.blobs.items():
                self.assertTrue(agent.holds(digest, len(content)), name)


if __name__ == "__main__":
    main()
