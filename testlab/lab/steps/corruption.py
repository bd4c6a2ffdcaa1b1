"""Wrong bytes, from a peer and from a registry, are found and reach no client."""

import os
import shutil

from testlab.lab import wait
from testlab.lab.steps.pull import finish
from testlab.lab.streamed import StreamedGet

_PEER_LAYER_BYTES = 24 << 20
_ROTTEN_LAYER_BYTES = 8 << 20
_TORN_LAYER_BYTES = 1 << 20
_REGISTRY_MEGABITS = 80
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
    """A layer in the registry whose bytes are not its digest's, and a cut-off manifest."""
    rotten = lab.noise_image("library/rotten", _ROTTEN_LAYER_BYTES)
    torn = lab.noise_image("library/torn", _TORN_LAYER_BYTES)
    code, _ = lab.bridge.terminate(_STOP_S)
    report.require(code == 0, f"the bridge ended with {code}")
    lab.push(rotten, "library/rotten:1")
    lab.push(torn, "library/torn:1")
    layer, manifest = lab.first.blob_path(rotten.largest_blob[0]), lab.first.blob_path(torn.digest)
    for path in (layer, manifest):
        shutil.copyfile(path, path + ".good")
    with open(layer, "r+b") as file:
        file.seek(_ROTTEN_LAYER_BYTES // 2)
        file.write(b"not what was pushed")
    os.truncate(manifest, torn.manifest_bytes // 2)

    # An agent asks again for some time before it gives a manifest up: both at once.
    asked = [
        StreamedGet(lab.agents[1].registry, f"/v2/library/torn/manifests/{reference}", _TIMEOUT_S)
        for reference in (torn.digest, "1")
    ]
    _pull_rotten_layer(lab, report, rotten)
    for get in asked:
        report.require(get.wait(_TIMEOUT_S), f"the client hangs: {get}")
    report.check(
        "a manifest that is cut off in the registry, at the client",
        all(get.status and get.status >= 400 for get in asked),
        " and ".join(f"{get.status} after {get.seconds:.1f} s" for get in asked),
        "an error",
    )
    # The bridge meets them too, and must survive it.
    lab.bridge.start().wait_until_ready()
    wait.until("the bridge to fail at both", lambda: lab.bridge.failed_jobs() >= 2, _TIMEOUT_S)
    for path in (layer, manifest):
        shutil.move(path + ".good", path)
    lab.push(rotten, "library/rotten:1")
    lab.push(torn, "library/torn:1")
    for image in (rotten, torn):
        lab.wait_until_origins_hold(image)
    finish(report, rotten, [lab.pull(lab.agents[0], "library/rotten:1")])
    finish(report, torn, [lab.pull(lab.agents[0], "library/torn:1")])
    report.say("both are pulled, after they were mended and pushed again")


def _pull_rotten_layer(lab, report, image):
    """Through a slow link if there are any, so that the client has most of it when it turns out."""
    digest, size = image.largest_blob
    if lab.network.has_slow_links:
        lab.first.host.limit(_REGISTRY_MEGABITS)
    get = StreamedGet(lab.agents[0].registry, f"/v2/library/rotten/blobs/{digest}", _TIMEOUT_S)
    report.require(get.wait(_TIMEOUT_S), f"the pull hangs: {get}")
    if lab.network.has_slow_links:
        lab.first.host.unlimit()
    report.check(
        "a layer that rotted in the registry, at the client",
        get.status != 200 or get.received_bytes < size,
        f"{get.status}, cut off after {get.received_bytes} of {size} bytes",
        "an error, or cut off before the last byte",
    )
    kept = [daemon for daemon in [*lab.origins, *lab.agents] if daemon.holds(digest, size)]
    report.check("stores that kept it", not kept, len(kept), "0")


def _restart_with_fault(agent, report, nth):
    code, seconds = agent.terminate(_STOP_S)
    report.require(code == 0, f"{agent.name} ended with {code} after {seconds:.1f} s")
    agent.set_flag("fault-corrupt-upload", nth)
    agent.start().wait_until_ready()


def _corrupt(agent):
    return agent.metrics().total("kraken_swarm_corrupt_pieces_total")
