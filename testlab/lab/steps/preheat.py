"""A route brings a push to some agents before anybody pulls."""

from testlab.lab import wait
from testlab.lab.steps.pull import finish

# What the bridge's route (lab.py) preheats.
IMAGE = "edge/app:1"
_LAYER_BYTES = (6_000_000, 2_000_000)
_TIMEOUT_S = 60


def preheat_agents(lab, report):
    """Pushes an image that one agent is to have; then it is pulled there."""
    (edge,) = [agent for agent in lab.agents if agent.name == lab.edge_name]
    image = lab.noise_image("edge", *_LAYER_BYTES)
    blobs = {**image.blobs, image.digest: image.manifest_bytes}
    lab.push(image, IMAGE)

    def missing(agent):
        return [digest for digest, size in blobs.items() if not agent.holds(digest, size)]

    wait.until(f"the image on {edge.name}'s disk", lambda: not missing(edge), _TIMEOUT_S)
    others = [agent for agent in lab.agents if agent is not edge]
    have_some = [agent.name for agent in others if len(missing(agent)) < len(blobs)]
    report.check(
        "other agents that have something of a preheated image",
        not have_some,
        len(have_some),
        "0",
    )
    before = edge.downloads()
    finish(report, image, [lab.pull(edge, IMAGE)])
    fetched = edge.downloads() - before
    report.check("blobs that its pull there had to fetch", fetched == 0, int(fetched), "0")
