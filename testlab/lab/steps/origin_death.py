"""kill -9 of an origin at two bad moments costs time and nothing else."""

import time

from testlab.lab import wait
from testlab.lab.access_log import bytes_by_digest
from testlab.lab.process import KILLED
from testlab.lab.report import megabytes
from testlab.lab.steps.pull import finish

_TIMEOUT_S = 60
_FETCH_LAYER_BYTES = 64 << 20
_REGISTRY_MEGABITS = 200
_CROWD_LAYERS_BYTES = (24 << 20, 12 << 20)
_ORIGIN_MEGABITS = 160
_MOMENT = 0.25  # of the bytes have come when the origin dies


def kill_while_fetching(lab, report):
    """The origin that reads the registry dies while agents already stream what it has read."""
    image = lab.noise_image("library/large", _FETCH_LAYER_BYTES)
    digest, size = image.largest_blob
    lab.first.host.limit(_REGISTRY_MEGABITS)
    before = {origin: _fetched(origin) for origin in lab.origins}
    lab.push(image, "library/large:1")
    pulls = [lab.pull(agent, "library/large:1") for agent in lab.agents[:3]]

    def victim():
        reading = [o for o in lab.origins if _fetched(o) - before[o] > _MOMENT * size]
        return reading and reading[0]

    dead = wait.until("an origin to be in the middle of its fetch", victim, _TIMEOUT_S)
    killed = _kill(dead, report, whole_blob=dead.holds(digest, size))
    finish(report, image, pulls)
    report.say(f"the pulls ended {time.monotonic() - killed:.1f} s after that")
    lab.wait_until_origins_hold(image)
    lab.first.host.unlimit()

    gets = [get for get in lab.first.blob_gets() if get.digest == digest]
    theirs = sum(get.body_bytes for get in gets if get.client == dead.host.ip)
    others = sum(get.body_bytes for get in gets if get.client != dead.host.ip)
    report.check(
        "given out twice by the registry after an origin's death in mid-fetch",
        0 < theirs < size and others <= size,
        f"{megabytes(theirs + others - size)} of {megabytes(size)}",
        "at most what the dead one had fetched",
    )
    lab.revive(dead)


def kill_while_seeding(lab, report):
    """An origin dies while all agents download from it and its twin."""
    image = lab.noise_image("library/crowd", *_CROWD_LAYERS_BYTES)
    lab.push(image, "library/crowd:1")
    lab.wait_until_origins_hold(image)
    for origin in lab.origins:
        origin.host.limit(_ORIGIN_MEGABITS)
    sent_before = {origin: _sent(origin) for origin in lab.origins}
    begin = sum(_received(agent) for agent in lab.agents)
    pulls = [lab.pull(agent, "library/crowd:1") for agent in lab.agents]
    wanted = _MOMENT * len(lab.agents) * image.total_bytes
    wait.until(
        "the agents to be in the middle of their downloads",
        lambda: sum(_received(agent) for agent in lab.agents) - begin > wanted,
        _TIMEOUT_S,
    )
    dead = max(lab.origins, key=lambda origin: _sent(origin) - sent_before[origin])
    done = sum(not pull.running for pull in pulls)
    report.require(done < len(pulls), "all pulls ended before an origin could be killed")
    killed = _kill(dead, report, whole_blob=False)
    finish(report, image, pulls)
    report.say(f"the pulls ended {time.monotonic() - killed:.1f} s after that")
    for origin in lab.origins:
        origin.host.unlimit()
    report.check(
        "pulls that an origin's death in mid-download spoilt", True, f"0 of {len(pulls)}", "0"
    )
    given = bytes_by_digest(lab.first.blob_gets())
    once = [digest for digest, size in image.blobs.items() if given.get(digest) == [size]]
    report.check(
        "blobs that the registry gave out once all the same",
        len(once) == len(image.blobs),
        f"{len(once)} of {len(image.blobs)}",
        "all",
    )
    lab.revive(dead)


def _kill(origin, report, whole_blob):
    report.require(not whole_blob, f"{origin.name} had the whole blob already")
    origin.kill()
    report.require(origin.exit_code == KILLED, f"{origin.name} ended with {origin.exit_code}")
    report.say(f"kill -9 {origin.name}")
    return time.monotonic()


def _fetched(origin):
    return origin.metrics().total("kraken_backend_received_bytes_total")


def _sent(origin):
    return origin.metrics().total("kraken_swarm_sent_bytes_total")


def _received(agent):
    return sum(agent.received_bytes().values())
