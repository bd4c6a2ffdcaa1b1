"""krakenctl brings an image to a node before anything there wants it."""

from testlab.lab import process, wait
from testlab.lab.steps.push import APP

_TIMEOUT_S = 90
# What travels inline with announce replies need not be in the store as a blob of its own.
_INLINE_BYTES = 64 << 10


def pull_ahead(lab, report):
    """`krakenctl pull` at an agent that has not pulled the image yet."""
    agent, image = lab.agents[-1], lab.image("app")
    layers = {digest: size for digest, size in image.blobs.items() if size > _INLINE_BYTES}

    def missing():
        return [digest for digest, size in layers.items() if not agent.holds(digest, size)]

    report.require(missing(), f"{agent.name} has the image already")
    given_before = len(lab.second.blob_gets())
    command = [
        lab.program("krakenctl"),
        "pull",
        f"{APP}:1",
        f"--agent={agent.registry.address}",
        f"--metrics={agent.place.address}/metrics",
    ]
    said = process.run(agent.host, command, _TIMEOUT_S).stdout.splitlines()
    # A client has its last byte a moment before the blob is on disk.
    wait.until(f"the image on {agent.name}'s disk", lambda: not missing(), _TIMEOUT_S)
    report.check(
        "krakenctl pull at an agent that lacked the image",
        image.digest in said[-2] and "from other agents" in said[-1],
        said[-1],
        f"{image.digest}, and what came from peers",
    )
    given = len(lab.second.blob_gets()) - given_before
    report.check("blobs that it took from the registry", given == 0, given, "0")
