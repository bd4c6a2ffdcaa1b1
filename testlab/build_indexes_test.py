"""Two build-indexes, which do not tell each other: the bridge tells both, whatever happens to one.

Each trusts what it knows for ten minutes, so that a tag which moves was moved by the bridge.

  build_indexes_test.py --program=NAME=PATH...
"""

import os
import random
import signal
import tempfile
import unittest
import urllib.parse

from testlab.lab import faults, formats, wait
from testlab.lab.bridged import BridgedCluster
from testlab.lab.daemons import BuildIndex
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS, main
from testlab.lab.upload import upload

_REPOSITORY = "team/app"
_TIMEOUT_S = 60
_END_S = 10


class TwoBuildIndexes(BridgedCluster):
    """A bridged cluster, and one build-index more."""

    def __init__(self, network, folder, programs):
        super().__init__(network, folder, programs)
        self.add_host("build-index2")
        backend = {
            "address": self.registry.place.address,
            "security": self.registry.backend_security(),
        }
        self.other_build_index = self._new(
            *(BuildIndex, "build-index2", "kraken-build-index"),
            [{"namespace": ".*", "backend": {"registry_tag": backend}}],
        )
        addresses = [daemon.place.address for daemon in (self.build_index, self.other_build_index)]
        self.bridge.configure(build_index={"hosts": {"static": addresses}})

    @property
    def _daemons(self):
        return [*super()._daemons, self.other_build_index]


class BuildIndexesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.cluster = TwoBuildIndexes(LoopbackNetwork(), folder.name, PROGRAMS)
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        self.both = (self.cluster.build_index, self.cluster.other_build_index)
        self._pushes = 0

    def push(self):
        """Moves the tag; the digest that it stands for now."""
        self._pushes += 1
        layer = random.Random(self._pushes).randbytes(4_000)
        made = formats.make_flat_image(f"push{self._pushes}", [layer])
        upload(self.cluster.registry, _REPOSITORY, made, "moved")
        return made.root.digest

    def known(self, build_index):
        name = urllib.parse.quote(f"{_REPOSITORY}:moved", safe="")
        return build_index.place.get(f"/tags/{name}").text

    def wait_until_known(self, digest, *build_indexes):
        for build_index in build_indexes:
            wait.until(
                f"{build_index.name} to know {digest}",
                lambda one=build_index: self.known(one) == digest,
                _TIMEOUT_S,
            )

    def test_both_are_right_in_the_end(self):
        one, other = self.both
        self.wait_until_known(self.push(), *self.both)
        self.wait_until_known(self.push(), *self.both)

        # One is down when the tag moves.
        other.end(_END_S)
        digest = self.push()
        self.wait_until_known(digest, one)
        other.start().wait_until_ready()
        self.wait_until_known(digest, other)

        # One hangs: the first write waits for it, those after it do not.
        other.signal(signal.SIGSTOP)
        self.addCleanup(other.signal, signal.SIGCONT)
        self.wait_until_known(self.push(), one)
        digest = self.push()
        self.wait_until_known(digest, one)
        bridge = self.cluster.bridge
        wait.until("no jobs", lambda: faults.jobs(bridge) == (0, 0), _TIMEOUT_S)
        self.assertEqual(bridge.failed_jobs(), 0)
        other.signal(signal.SIGCONT)
        # Nobody is left whom they could ask.
        self.cluster.registry.kill()
        self.wait_until_known(digest, *self.both)


if __name__ == "__main__":
    main()
