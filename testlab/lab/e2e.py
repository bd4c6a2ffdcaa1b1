"""The end-to-end test: from a push to a registry to pulls by peers, and what may go wrong."""

import functools
import typing

from testlab.lab import capabilities
from testlab.lab.steps import (
    ahead,
    clients,
    corruption,
    durable,
    end,
    fall_through,
    garbage,
    kills,
    offline,
    origin_death,
    preheat,
    pull,
    push,
    restart,
    retag,
    start_errors,
    stream,
)


def _slow_links(lab):
    if lab.network.has_slow_links:
        return None
    return "links can't be made slow without network namespaces"


def _client(name):
    return functools.partial(capabilities.lacks, client=name)


class Step(typing.NamedTuple):
    """`lacks`, of the lab: None, or what this machine lacks for it."""

    name: str
    title: str
    run: typing.Callable
    lacks: typing.Callable = lambda lab: None


STEPS = (
    Step("push", "push to two Harbors; the origins get every blob", push.push_images),
    Step("pull", "pull from all agents at once", pull.pull_everywhere),
    Step("regex", "pull from the second Harbor, and an index", pull.pull_by_regex),
    Step("ahead", "bring an image to a node ahead of its containers", ahead.pull_ahead),
    Step("preheat", "push what a route preheats at an agent", preheat.preheat_agents),
    Step("retag", "push other content as latest", retag.repush),
    Step("offline", "stop the registries; pull at a new agent", offline.pull_without_registries),
    Step("stream", "pull what no origin has yet", stream.stream_cold_pull, _slow_links),
    Step(
        *("fetching", "kill -9 an origin that is fetching"),
        *(origin_death.kill_while_fetching, _slow_links),
    ),
    Step(
        *("seeding", "kill -9 an origin while agents download"),
        *(origin_death.kill_while_seeding, _slow_links),
    ),
    Step("corrupt", "damage a piece at one peer", corruption.corrupt_peer, _slow_links),
    Step("rotten", "let a blob rot in the registry", corruption.rotten_registry),
    Step(
        *("durable", "kill -9 the bridge with work to do"),
        *(durable.kill_bridge_with_work, _slow_links),
    ),
    Step("restart", "end an agent in mid-download", restart.end_in_mid_download, _slow_links),
    Step(
        *("kills", "kill -9 agents and origins fifty times in mid-pull"),
        *(kills.kill_during_pulls, _slow_links),
    ),
    Step("skopeo", "pull with skopeo: formats, an artifact", clients.pull_with_skopeo),
    Step("curl", "fetch ranges of a cold blob in parallel with curl", clients.pull_by_ranges),
    Step("podman", "pull with podman", clients.pull_with_podman, _client("podman")),
    Step("buildah", "pull with buildah", clients.pull_with_buildah, _client("buildah")),
    Step("containerd", "pull with containerd", clients.pull_with_containerd, _client("containerd")),
    Step(
        *("fallthrough", "let containerd go past an agent that can't help"),
        *(fall_through.fall_through, _client("containerd")),
    ),
    Step("docker", "pull with docker", clients.pull_with_docker, _client("docker")),
    Step("strangers", "knock with foreign certificates", garbage.refuse_strangers),
    Step("garbage", "send garbage to each port", garbage.send_garbage),
    Step("huge", "send 10 GB bodies", garbage.send_huge_bodies),
    Step("errors", "start wrongly", start_errors.start_wrongly),
    Step("memory", "look at memory", end.check_memory),
    Step("end", "shut down", end.shut_down),
)
# What others stand on.
_ALWAYS = ("push", "memory", "end")


def selected(only):
    """The steps to run: all, or those named and what they stand on."""
    names = [step.name for step in STEPS]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ValueError(f"no step is called {unknown[0]}; there are {', '.join(names)}")
    return [step for step in STEPS if not only or step.name in only or step.name in _ALWAYS]


def run(lab, report, steps, sabotage=None):
    """Starts the lab and goes through the steps. LabError at the first claim that does not hold."""
    if sabotage:
        sabotage.before_start(lab)
    with report.step("start", "start two registries, our processes, the network between them"):
        lab.start()
        report.say(f"{len(lab.daemons)} processes of ours are ready")
    for step in steps:
        if sabotage:
            sabotage.before_step(lab, step.name)
        lacking = step.lacks(lab)
        if lacking:
            report.skip(step.title, lacking)
            continue
        with report.step(step.name, step.title):
            step.run(lab, report)
