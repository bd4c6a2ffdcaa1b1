"""With both registries gone, a node that has never pulled anything still gets its image."""

import time

from testlab.lab.steps.pull import finish
from testlab.lab.steps.push import APP, DEBIAN


def pull_without_registries(lab, report):
    """Stops the registries, starts a sixth agent, pulls by tag, starts the registries again."""
    for registry in lab.registries.values():
        registry.stop()
        report.require(not registry.running, f"{registry.name} still runs")
    try:
        agent = lab.add_agent(f"agent{len(lab.agents) + 1}")
        agent.start().wait_until_ready()
        begin = time.monotonic()
        image = lab.image("debian_second")
        finish(report, image, [lab.pull(agent, f"{DEBIAN}:latest")])
        report.check(
            "pull by tag at a new agent, both registries stopped",
            True,
            f"{time.monotonic() - begin:.1f} s",
            "the whole image",
        )
        finish(report, lab.image("app"), [lab.pull(agent, f"{APP}:1")])
    finally:
        for registry in lab.registries.values():
            registry.start()
