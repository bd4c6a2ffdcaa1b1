"""Wrong bytes, from a peer and from a registry, are found and reach no client."""

import shutil

from testlab.lab import wait
from testlab.lab.steps.pull import finish
from testlab.lab.streamed import StreamedGet

_PEER_LAYER_BYTES = 24 << 20
_ROTTEN_LAYER_BYTES = 8 << 20
_ORIGIN_MEGABITS = 40
_TIMEOUT_S = 60
_STOP_S = 15


def corrupt_peer(lab, report):
    """One agent sends its first piece damaged."""
    liar = lab.agents[-1]
    honest = [agent for agent in lab.agents if agent is not liar]
    _restart_with_fault(liar, report, 1)
    image = lab.noise_image("library/piecework", _PEER_LAYER_BYTES)
    lab.push(image, "library/piecework:1")
    lab.wait_until_origins_hold(image)
    finish(report, image, [lab.pull(liar, "library/piecework:1")])

    before = sum(_corrupt(agent) for agent in honest)
    # Slow origins: the agents turn to the one peer that has everything.
    for origin in lab.origins:
        origin.host.limit(_ORIGIN_MEGABITS)
    finish(report, image, [lab.pull(agent, "library/piecework:1") for agent in honest])
    for origin in lab.origins:
        origin.host.unlimit()
    found = sum(_corrupt(agent) for agent in honest) - before
    report.check(
        "damaged pieces found by their receivers", found >= 1, int(found), "at least 1, none served"
    )
    _restart_with_fault(liar, report, None)


def rotten_registry(lab, report):
    """A blob whose bytes in the registry's storage are not its digest's, then mended."""
    image = lab.noise_image("library/rotten", _ROTTEN_LAYER_BYTES)
    digest, size = image.largest_blob
    code, _ = lab.bridge.terminate(_STOP_S)
    report.require(code == 0, f"the bridge ended with {code}")
    lab.push(image, "library/rotten:1")
    path = lab.first.blob_path(digest)
    shutil.copyfile(path, path + ".good")
    with open(path, "r+b") as file:
        file.seek(size // 2)
        file.write(b"not what was pushed")

    get = StreamedGet(lab.agents[0].registry, f"/v2/library/rotten/blobs/{digest}", _TIMEOUT_S)
    report.require(get.wait(_TIMEOUT_S), f"the pull hangs: {get}")
    whole = get.status == 200 and get.error is None and get.received_bytes >= size
    report.check(
        "a blob that rotted in the registry, at the client",
        not whole,
        f"{get.status}, {get.received_bytes} of {size} bytes, connection reset"
        if get.status == 200
        else f"{get.status}",
        "an error, never its last byte",
    )
    kept = [daemon for daemon in [*lab.origins, *lab.agents] if daemon.holds(digest, size)]
    report.check("stores that kept it", not kept, len(kept), "0")

    shutil.move(path + ".good", path)
    lab.bridge.start().wait_until_ready()
    lab.wait_until_origins_hold(image)
    wait.until(
        "the mended blob to be served",
        lambda: lab.agents[0].registry.get(f"/v2/library/rotten/blobs/{digest}").status == 200,
        _TIMEOUT_S,
    )
    finish(report, image, [lab.pull(lab.agents[0], "library/rotten:1")])


def _restart_with_fault(agent, report, nth):
    code, seconds = agent.terminate(_STOP_S)
    report.require(code == 0, f"{agent.name} ended with {code} after {seconds:.1f} s")
    agent.set_flag("fault-corrupt-upload", nth)
    agent.start().wait_until_ready()


def _corrupt(agent):
    return agent.metrics().total("kraken_swarm_corrupt_pieces_total")
