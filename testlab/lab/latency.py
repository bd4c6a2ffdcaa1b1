"""How soon bytes that an origin holds reach a client of an agent: a table.

Everything is real and on this machine: processes with TLS, HTTP over loopback or the lab's network.
"""

import time

from testlab.lab.seeded import Client, SeededCluster, drain

_SMALL_BYTES = 1 << 10
# Of several pieces, whatever piece length the origin chooses.
_LARGE_BYTES = 8 << 20
_MEDIAN_MS = 5
_FIRST_PIECE_MS = 50
STEPS = 4
_AGENTS = 2


def make_cluster(network, folder, programs):
    return SeededCluster(network, folder, programs, _AGENTS)


def run(cluster, report, options):
    with report.step("start", "fill an origin, start it, a tracker, a build-index, two agents"):
        small = cluster.fill(options.blobs, _SMALL_BYTES, seed=1)
        large = cluster.fill(options.swarms, _LARGE_BYTES, seed=1_000_000)
        cold = cluster.fill(options.cold_swarms, _LARGE_BYTES, seed=2_000_000)
        cluster.start()
    with report.step("small", f"GET {options.blobs} blobs of 1 KiB, each for the first time"):
        _small_blobs(cluster, report, small)
    with report.step("second", f"join {options.swarms} new swarms as the second peer"):
        times = [_second_peer(cluster, digest) for digest in large]
        _tell(report, "second peer of a swarm, to its first piece", times, _FIRST_PIECE_MS)
    with report.step("cold", f"the same {options.cold_swarms} times with agents just started"):
        times = [_cold_second_peer(cluster, digest) for digest in cold]
        _tell(report, "the same, no connection open yet", times, _FIRST_PIECE_MS)


def _small_blobs(cluster, report, digests):
    client = Client(cluster.agents[0])
    times = []
    for digest in digests:
        begin = time.perf_counter()
        size = client.read(digest)
        times.append(time.perf_counter() - begin)
        report.require(size == _SMALL_BYTES, f"{digest} has {size} bytes")
    client.close()
    _tell(report, "blob of 1 KiB, cold at the agent", times, _MEDIAN_MS)


def _second_peer(cluster, digest):
    """Seconds from the second peer's request to its first verified byte.

    It joins when the first one has got its first byte; the last agent is the second peer.
    """
    first, second = (Client(agent) for agent in cluster.agents)
    leader = first.open(digest)
    leader.read(1)
    begin = time.perf_counter()
    follower = second.open(digest)
    follower.read(1)
    seconds = time.perf_counter() - begin
    drain(leader)
    drain(follower)
    first.close()
    second.close()
    return seconds


def _cold_second_peer(cluster, digest):
    for agent in cluster.agents:
        agent.end(grace_s=10)
        agent.start()
    for agent in cluster.agents:
        agent.wait_until_ready()
    return _second_peer(cluster, digest)


def _tell(report, what, times, median_ms):
    ordered = sorted(1000 * seconds for seconds in times)

    def at(share):
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    report.expect(
        f"{what}: median of {len(ordered)}",
        at(0.5) < median_ms,
        f"{at(0.5):.2f} ms",
        f"less than {median_ms} ms",
    )
    report.note("  least, p90, p99, most", " ".join(f"{at(s):.2f}" for s in (0, 0.9, 0.99, 1)))
