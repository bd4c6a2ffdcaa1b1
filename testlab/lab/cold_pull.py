"""A large blob through a slow link: by an agent, cold or in a warm swarm, or directly, in turns."""

import os
import shutil

from testlab.lab import process
from testlab.lab.errors import LabError
from testlab.lab.pairs import Pairs
from testlab.lab.report import percent
from testlab.lab.small import BackedCluster
from testlab.lab.streamed import StreamedGet

STEPS = 3
_REPOSITORY = "library/measured"
_FIRST_BYTE_SHARE = 0.02
_MAX_COLD_RATIO = 1.15
_MAX_WARM_RATIO = 1.05
# What may leave the registry besides the blob: frames' headers, what is asked twice.
_MAX_SENT = 1.1
_END_S = 20
_TIMEOUT_S = 600


def make_cluster(network, folder, paths):
    if not network.has_slow_links:
        raise LabError("links can't be made slow without network namespaces")
    return BackedCluster(network, folder, paths, ["seed", "leech"])


def run(cluster, report, options):
    size = options.cold_mebibytes << 20
    link = f"{options.megabits} Mbit/s"
    with report.step("start", "start a registry, an origin, two agents"):
        cluster.start()
    with report.step("cold", f"the registry sends {link}; nobody else has the blob"):
        cluster.registry.host.limit(options.megabits)
        _measure_cold(cluster, report, options.pairs, size)
        cluster.registry.host.unlimit()
    with report.step("warm", f"an agent receives {link}; origin and another agent have the blob"):
        _measure_warm(cluster, report, options, size)


def _measure_cold(cluster, report, count, size):
    harbor = cluster.registry.host
    agent = cluster.agents[0]
    digests = []
    shares, sent, first_bytes = [], [], []

    def get(place, headers=None):
        digest = digests[-1]
        path = f"/v2/{_REPOSITORY}/blobs/{digest}"
        before = harbor.sent_bytes()
        got = StreamedGet(
            place, path, _TIMEOUT_S, lambda: harbor.sent_bytes() - before, headers=headers
        )
        got.wait(_TIMEOUT_S)
        report.require(got.brought(digest, size), f"GET from {place.address}: {got}")
        return got, harbor.sent_bytes() - before

    def renew():
        """A blob that nobody has heard of; the last one goes everywhere."""
        for digest in digests:
            cluster.registry.unplant(_REPOSITORY, digest)
        _empty(cluster.origin, agent)
        digests[:] = [cluster.registry.plant_noise(_REPOSITORY, size)]

    def by_agent():
        got, left = get(agent.registry)
        shares.append(got.seen_at_first_byte / size)
        first_bytes.append(got.first_byte_s)
        sent.append(left / size)
        report.say(
            f"agent: {got.seconds:.2f} s, first byte after {got.first_byte_s:.3f} s, "
            f"when {100 * shares[-1]:.2f} % had left"
        )
        return got.seconds

    def directly():
        got, _ = get(cluster.registry.place, cluster.registry.authorization())
        report.say(f"directly: {got.seconds:.2f} s, {8 * size / got.seconds / 1e6:.0f} Mbit/s")
        return got.seconds

    pairs = Pairs().measure(count, by_agent, directly, renew)
    report.expect(
        "left the registry at the client's first byte, most",
        max(shares) < _FIRST_BYTE_SHARE,
        f"{percent(max(shares), 1)}, after {max(first_bytes):.3f} s",
        f"less than {100 * _FIRST_BYTE_SHARE:g} %",
    )
    report.expect(
        "cold pull, time of agent : direct download",
        pairs.median_ratio <= _MAX_COLD_RATIO,
        pairs.told(_seconds),
        f"at most {_MAX_COLD_RATIO:g}",
    )
    report.expect(
        "left the registry in a cold pull, most",
        max(sent) < _MAX_SENT,
        f"{max(sent):.3f} of the blob",
        f"less than {_MAX_SENT:g}",
    )


def _measure_warm(cluster, report, options, size):
    seed, leech = cluster.agents
    digest = cluster.registry.plant_noise(_REPOSITORY, size)
    path = f"/v2/{_REPOSITORY}/blobs/{digest}"
    _fetch(seed, seed.registry, path, size)
    leech.host.limit_incoming(options.megabits)

    def by_agent():
        _empty(leech)
        seconds = _fetch(leech, leech.registry, path, size)
        report.say(f"agent: {seconds:.2f} s")
        return seconds

    def directly():
        registry = cluster.registry
        seconds = _fetch(leech, registry.place, path, size, registry.credentials)
        report.say(f"directly: {seconds:.2f} s, {8 * size / seconds / 1e6:.0f} Mbit/s")
        return seconds

    pairs = Pairs().measure(options.pairs, by_agent, directly)
    leech.host.unlimit_incoming()
    report.expect(
        "pull in a warm swarm, time of agent : direct download",
        pairs.median_ratio <= _MAX_WARM_RATIO,
        pairs.told(_seconds),
        f"at most {_MAX_WARM_RATIO:g}",
    )


def _fetch(agent, place, path, size, credentials=None):
    """Seconds that curl takes on the agent's host."""
    command = ["curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"]
    command += ["--write-out", "%{size_download} %{time_total}"]
    command += ["--user", credentials] if credentials else []
    told = process.run(agent.host, [*command, place.url + path], _TIMEOUT_S).stdout.split()
    if int(told[0]) != size:
        raise LabError(f"curl of {place.url}{path} brought {told[0]} bytes")
    return float(told[1])


def _empty(*daemons):
    """Starts them anew without anything in their stores."""
    for daemon in daemons:
        daemon.end(_END_S)
        shutil.rmtree(daemon.store.folder)
        os.sync()  # What was written before is not to be paid for later.
        daemon.start()
    for daemon in daemons:
        daemon.wait_until_ready()


def _seconds(number):
    return f"{number:.2f} s"
