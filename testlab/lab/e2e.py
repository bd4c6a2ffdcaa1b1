"""The end-to-end test: from a push to a registry to pulls by peers, and what may go wrong."""

from testlab.lab.steps import (
    ahead,
    corruption,
    durable,
    end,
    garbage,
    offline,
    origin_death,
    pull,
    push,
    restart,
    retag,
    start_errors,
    stream,
)

# (name, title, function, whether it needs links that can be made slow)
STEPS = (
    ("push", "push to two Harbors; the origins get every blob", push.push_images, False),
    ("pull", "pull from all agents at once", pull.pull_everywhere, False),
    ("regex", "pull from the second Harbor, and an index", pull.pull_by_regex, False),
    ("ahead", "bring an image to a node ahead of its containers", ahead.pull_ahead, False),
    ("retag", "push other content as latest", retag.repush, False),
    ("offline", "stop the registries; pull at a new agent", offline.pull_without_registries, False),
    ("stream", "pull what no origin has yet", stream.stream_cold_pull, True),
    ("fetching", "kill -9 an origin that is fetching", origin_death.kill_while_fetching, True),
    ("seeding", "kill -9 an origin while agents download", origin_death.kill_while_seeding, True),
    ("corrupt", "damage a piece at one peer", corruption.corrupt_peer, True),
    ("rotten", "let a blob rot in the registry", corruption.rotten_registry, False),
    ("durable", "kill -9 the bridge with work to do", durable.kill_bridge_with_work, True),
    ("restart", "end an agent in mid-download", restart.end_in_mid_download, True),
    ("strangers", "knock with foreign certificates", garbage.refuse_strangers, False),
    ("garbage", "send garbage to each port", garbage.send_garbage, False),
    ("huge", "send 10 GB bodies", garbage.send_huge_bodies, False),
    ("errors", "start wrongly", start_errors.start_wrongly, False),
    ("memory", "look at memory", end.check_memory, False),
    ("end", "shut down", end.shut_down, False),
)
# What others stand on.
_ALWAYS = ("push", "memory", "end")


def selected(only):
    """The steps to run: all, or those named and what they stand on."""
    names = [step[0] for step in STEPS]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ValueError(f"no step is called {unknown[0]}; there are {', '.join(names)}")
    return [step for step in STEPS if not only or step[0] in only or step[0] in _ALWAYS]


def run(lab, report, steps, sabotage=None):
    """Starts the lab and goes through the steps. LabError at the first claim that does not hold."""
    if sabotage:
        sabotage.before_start(lab)
    with report.step("start", "start two registries, our processes, the network between them"):
        lab.start()
        report.say(f"{len(lab.daemons)} processes of ours are ready")
    for name, title, function, needs_slow_links in steps:
        if sabotage:
            sabotage.before_step(lab, name)
        if needs_slow_links and not lab.network.has_slow_links:
            report.skip(title, "links can't be made slow without network namespaces")
            continue
        with report.step(name, title):
            function(lab, report)
