"""The same name with other content: the next pull gets it, within a second of the event."""

import time

from testlab.lab import wait
from testlab.lab.steps.pull import finish
from testlab.lab.steps.push import DEBIAN

_LIMIT_S = 1.0
_EVENT_TIMEOUT_S = 20
_ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


def repush(lab, report):
    """Pushes debian_image_second as library/debian:latest and asks the agents at once."""
    before, after = lab.image("debian"), lab.image("debian_second")
    shown = {_digest_of_latest(agent) for agent in lab.agents}
    first = "the first image"
    report.check("agents' latest before", shown == {before.digest}, _short(shown), first)
    lab.push(after, f"{DEBIAN}:latest")
    event = lab.core.when_pushed(DEBIAN, after.digest, _EVENT_TIMEOUT_S)
    report.require(event, "the registry sent no event for the second push")
    wait.until(
        "an agent to name the new digest",
        lambda: _digest_of_latest(lab.agents[0]) == after.digest,
        _EVENT_TIMEOUT_S,
    )
    seconds = time.monotonic() - event
    report.check(
        "from the event of a re-push to its digest at an agent",
        seconds <= _LIMIT_S,
        f"{1000 * seconds:.0f} ms",
        f"at most {_LIMIT_S:g} s",
    )
    shown = {_digest_of_latest(agent) for agent in lab.agents}
    report.check("agents' latest after", shown == {after.digest}, _short(shown), "the second image")
    finish(report, after, [lab.pull(agent, f"{DEBIAN}:latest") for agent in lab.agents[:2]])
    lab.wait_until_origins_hold(after)


def _digest_of_latest(agent):
    answer = agent.registry.send("HEAD", f"/v2/{DEBIAN}/manifests/latest", headers=_ACCEPT)
    return answer.headers.get("Docker-Content-Digest")


def _short(digests):
    return ", ".join(str(digest)[:19] for digest in digests)
