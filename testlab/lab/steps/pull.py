"""Pulls from all agents at once: right, and without the registry giving anything out again."""

import shutil
import time

from testlab.lab.report import megabytes, percent
from testlab.lab.steps.push import APP, DEBIAN, PLATFORMS

_PULL_TIMEOUT_S = 90
# A registry's and tracker's small change: what is in announce replies instead of in pieces.
_INLINE_BYTES = 64 << 10
# Two origins that seed to five agents on one overloaded machine need not be frugal; that agents
# serve each other must show all the same.
_MIN_AGENT_SHARE = 0.25


def pull_everywhere(lab, report):
    """library/debian:latest through all agents at the same moment."""
    image = lab.image("debian")
    given_before = len(lab.first.blob_gets())
    sent_before = _sent(lab.origins)
    begin = time.monotonic()
    pulls = [lab.pull(agent, f"{DEBIAN}:latest") for agent in lab.agents]
    finish(report, image, pulls)
    seconds = time.monotonic() - begin
    report.note(
        f"{len(pulls)} pulls at once",
        f"{seconds:.1f} s, {megabytes(len(pulls) * image.total_bytes / seconds)}/s together",
    )

    received = [agent.received_bytes() for agent in lab.agents]
    from_agents = sum(found["agent"] for found in received)
    from_origins = sum(found["origin"] for found in received)
    in_pieces = sum(size for size in image.blobs.values() if size > _INLINE_BYTES)
    report.check(
        "bytes that came from peers",
        from_agents + from_origins >= len(pulls) * in_pieces,
        f"{megabytes(from_agents + from_origins)} of {megabytes(len(pulls) * in_pieces)}",
        "all",
    )
    report.check(
        "of these, from other agents",
        from_agents > _MIN_AGENT_SHARE * (from_agents + from_origins),
        percent(from_agents, from_agents + from_origins),
        f"more than {100 * _MIN_AGENT_SHARE:g} %",
    )
    amplification = (_sent(lab.origins) - sent_before) / in_pieces
    report.check(
        "origin amplification (bytes out of origins / image)",
        amplification < len(pulls) * (1 - _MIN_AGENT_SHARE),
        f"{amplification:.2f}",
        f"less than {len(pulls) * (1 - _MIN_AGENT_SHARE):g}; without other agents {len(pulls)}",
    )
    given = len(lab.first.blob_gets()) - given_before
    report.check("blobs that pulls took from the registry", given == 0, given, "0")


def pull_by_regex(lab, report):
    """What lies in the second Harbor, and an index with everything in it."""
    app, platforms = lab.image("app"), lab.index("platforms")
    finish(report, app, [lab.pull(agent, f"{APP}:1") for agent in lab.agents[:2]])
    report.note("team-b/app:1, of the second Harbor, at 2 agents", app.digest[:19])
    index_pull = lab.pull(lab.agents[0], f"{PLATFORMS}:1", everything=True)
    finish(report, platforms, [index_pull])
    report.note("library/platforms:1, an index, with all its images", platforms.digest[:19])


def finish(report, image, pulls):
    """Waits for pulls to end well, and compares every byte that they brought."""
    for pull in pulls:
        code = pull.wait(_PULL_TIMEOUT_S)
        report.require(code == 0, f"{pull.name} failed:\n{pull.why_it_failed()}")
    for pull in pulls:
        wrong = image.differences(pull.folder)
        report.require(not wrong, f"{pull.name} brought something else: {wrong}")
        shutil.rmtree(pull.folder)
    report.say(f"{len(pulls)} pulls ended well; manifest and blobs have the pushed digests")


def _sent(daemons):
    return sum(
        daemon.metrics().total("kraken_swarm_sent_bytes_total")
        for daemon in daemons
        if daemon.running
    )
