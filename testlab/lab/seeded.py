"""A small cluster for measurements: an origin that holds blobs from the start, and agents."""

import http.client
import os

from testlab.lab import process
from testlab.lab.errors import LabError
from testlab.lab.small import SmallCluster

REPOSITORY = "library/measured"
_FILL_TIMEOUT_S = 600
_READ_BYTES = 1 << 20
_TIMEOUT_S = 60


class SeededCluster(SmallCluster):
    """No registry: nothing has to be fetched."""

    def __init__(self, network, folder, programs, agents):
        """`agents`: how many."""
        names = [f"agent{number + 1}" for number in range(agents)]
        super().__init__(network, folder, programs, names)
        # Where nobody listens.
        nowhere = {"address": f"{network.own_ip}:1", "security": {}}
        self.add_daemons({"registry_blob": nowhere}, {"registry_tag": nowhere})

    def fill(self, count, size_bytes, seed):
        """Gives the origin, before it starts, blobs of its own; returns their digests."""
        arguments = [f"--count={count}", f"--size={size_bytes}", f"--seed={seed}"]
        done = process.run(
            self.origin.host,
            [self.program("fill-store"), f"--root={self.origin.store.folder}", *arguments],
            _FILL_TIMEOUT_S,
        )
        return done.stdout.split()


class Client:
    """A container runtime on an agent's host, as far as blobs go: one connection, kept open."""

    def __init__(self, agent):
        self._agent = agent
        self._connection = agent.registry.connect(_TIMEOUT_S)

    def open(self, digest):
        """The response to a GET of a blob, its body not read yet."""
        self._connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
        response = self._connection.getresponse()
        if response.status != http.client.OK:
            raise LabError(f"{self._agent.name}: GET of {digest}: {response.status}")
        return response

    def read(self, digest):
        """Reads a blob to its end; returns how many bytes it has."""
        return drain(self.open(digest))

    def close(self):
        self._connection.close()


def drain(response):
    """Reads the rest of a body into nothing; returns how many bytes there were."""
    buffer = memoryview(bytearray(_READ_BYTES))
    count = 0
    while read := response.readinto(buffer):
        count += read
    return count


def remove(agent, digest):
    """Has the agent forget a blob."""
    agent.delete(digest)
    if digest in agent.store.partials():
        raise LabError(f"{agent.name}: a part of {digest} is left")
