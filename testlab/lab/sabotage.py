"""Breaks the cluster on purpose, to show that the e2e's claims can fail.

Each sabotage is something that could be wrong in a real cluster; the step that it names must then
fail. `bazel run //testlab:e2e -- --sabotage=peers`
"""

import collections
import itertools
import signal

from testlab.lab import client_node

_END_S = 15

Sabotage = collections.namedtuple("Sabotage", "description fails before_start before_step")


def _nothing(*_):
    pass


def _lose_events(lab):
    for registry in lab.registries.values():
        registry.remove_endpoint("bridge")


def _part_agents(lab):
    for one, other in itertools.permutations(lab.agents, 2):
        one.host.block(other.host.ip)


def _take_labels(lab):
    for agent in lab.agents:
        agent.configure(labels={})


def _stop_the_bridge(lab, step):
    if step == "retag":
        lab.bridge.signal(signal.SIGSTOP)


def _trust_no_one(lab):
    """One agent's certificate is another authority's."""
    lab.agents[0].use_tls(lab.security.stranger_section())


def _forget_records(lab, step):
    if step == "kills":
        lab.between_lives = lambda daemon, digest: daemon.store.forget_record(digest)


def _stand_in_for_nobody(lab, step):
    if step == "containerd":
        node = client_node.node(lab)
        node.end(_END_S)
        node.configure(mirrors=[])
        node.start().wait_until_ready()


SABOTAGES = {
    "events": Sabotage("registries tell the bridge nothing", "push", _lose_events, _nothing),
    "labels": Sabotage("no agent has its label", "preheat", _take_labels, _nothing),
    "mirror": Sabotage(
        *("an agent stands in for no registry", "containerd"),
        *(_nothing, _stand_in_for_nobody),
    ),
    "peers": Sabotage("agents can't reach each other", "pull", _part_agents, _nothing),
    "records": Sabotage(
        *("the killed forget which pieces they have", "kills"),
        *(_nothing, _forget_records),
    ),
    "stranger": Sabotage("an agent has a foreign certificate", "start", _trust_no_one, _nothing),
    "tags": Sabotage("the bridge hangs before a re-push", "retag", _nothing, _stop_the_bridge),
}
