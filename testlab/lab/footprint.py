"""What an agent costs: memory while it moves much and holds many torrents, then CPU while idle."""

import time

from testlab.lab import open_files, usage, wait
from testlab.lab.report import mebibytes
from testlab.lab.seeded import Client, SeededCluster, remove

STEPS = 3
_TORRENT_BYTES = 4 << 20
_LARGE_BYTES = 1 << 30
_MAX_BYTES = 64 << 20
_MAX_CPU_SHARE = 0.001
_MAX_WAKEUPS_PER_S = 5
_CLOSE_TIMEOUT_S = 60


def make_cluster(network, folder, programs):
    return SeededCluster(network, folder, programs, agents=1)


def run(cluster, report, options):
    agent = cluster.agents[0]
    with report.step("start", "fill an origin, start it, a tracker, a build-index, an agent"):
        held = cluster.fill(options.torrents, _TORRENT_BYTES, seed=1)
        (large,) = cluster.fill(1, _LARGE_BYTES, seed=1_000_000)
        cluster.start()
        report.note("agent's memory after its start", mebibytes(agent.measure_memory()))
    with report.step("move", f"download {options.torrents} blobs, then 1 GiB again and again"):
        _move(cluster, report, held, large, options.gigabytes << 30)
    with report.step("idle", f"do nothing for {options.idle_seconds} s"):
        _idle(report, agent, options.idle_seconds)


def _move(cluster, report, held, large, goal_bytes):
    agent = cluster.agents[0]
    client = Client(agent)
    begin = time.monotonic()
    for digest in held:
        client.read(digest)
    report.note("memory after that", mebibytes(agent.measure_memory()))
    while _received(agent) < goal_bytes:
        client.read(large)
        remove(agent, large)
    client.close()
    moved = _received(agent)
    seconds = time.monotonic() - begin
    report.note("moved", f"{moved / 2**30:.2f} GiB in {seconds:.0f} s, each to a client too")
    torrents = agent.metrics().total("kraken_swarm_torrents")
    report.expect("torrents held", torrents == len(held), f"{torrents:.0f}", str(len(held)))
    report.expect(
        "most memory (RSS) that the agent ever held",
        agent.measure_memory() < _MAX_BYTES,
        mebibytes(agent.measure_memory()),
        "less than 64 MiB",
    )


def _received(agent):
    return sum(agent.received_bytes().values())


def _idle(report, agent, seconds):
    # The last blob that was removed may still be on its way to the disk.
    wait.until(
        "the agent to close what was removed",
        lambda: not open_files.deleted_below(agent.pid, agent.store.folder),
        _CLOSE_TIMEOUT_S,
    )
    before = usage.threads(agent.pid)
    begin = time.monotonic()
    time.sleep(seconds)  # That is the measurement.
    used = usage.between(before, usage.threads(agent.pid))
    elapsed = time.monotonic() - begin
    for thread in sorted(used, key=lambda thread: -thread.wakeups):
        if thread.wakeups:
            per_s = thread.wakeups / elapsed
            busy = 1e6 * thread.cpu_s / elapsed
            report.say(f"{thread.name:16} {per_s:7.2f} wake-ups/s  {busy:8.1f} us of CPU/s")
    share = sum(thread.cpu_s for thread in used) / elapsed
    wakeups = sum(thread.wakeups for thread in used) / elapsed
    report.expect(
        "CPU of the idle agent",
        share <= _MAX_CPU_SHARE,
        f"{100 * share:.3f} % of a core",
        "at most 0.1 %",
    )
    report.expect(
        "wake-ups of the idle agent, all threads",
        wakeups <= _MAX_WAKEUPS_PER_S,
        f"{wakeups:.2f}/s",
        "at most 5/s",
    )
