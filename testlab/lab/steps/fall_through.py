"""An agent that can't help is in nobody's way: containerd goes on to the registry itself."""

import time

from testlab.lab import formats
from testlab.lab.client_node import MIRRORED, UNKNOWN, make_client, node, run_folder
from testlab.lab.clients.containerd import Containerd
from testlab.lab.upload import upload

_END_S = 15
# An agent gives up after as long as the lab lets it be patient, containerd asks several things.
_LIMIT_S = 60


def fall_through(lab, report):
    """containerd goes on to the registry itself when the agent can't help, however that is."""
    agent = node(lab)
    name = "fall-through"
    with make_client(lab, Containerd, name, run_folder(name), lab.first) as client:
        _fall(lab, report, client, "that stands in for others", UNKNOWN)
        others = [*lab.origins, lab.tracker, lab.build_index]
        for other in others:
            agent.host.block(other.host.ip)
        _fall(lab, report, client, "that is cut off from the cluster", MIRRORED)
        for other in others:
            agent.host.unblock(other.host.ip)
        code, _ = agent.terminate(_END_S)
        report.require(code == 0, f"{agent.name} ended with {code}")
        _fall(lab, report, client, "that does not run", MIRRORED)
        agent.start().wait_until_ready()


def _fall(lab, report, client, what, registry):
    repository = f"library/past-{what.rpartition(' ')[2]}"
    made = formats.make_image(repository, formats.OCI)
    upload(lab.first, repository, made, "1")
    reference = f"{registry}/{repository}:1"
    begin = time.monotonic()
    client.pull(reference)
    seconds = time.monotonic() - begin
    wrong = client.differences(reference, made)
    given = {get.digest for get in lab.first.blob_gets() if get.client == client.host.ip}
    wrong += [f"the registry gave no {digest}" for digest in client.blobs_of(made).keys() - given]
    report.check(
        f"containerd goes past an agent {what}",
        not wrong and seconds <= _LIMIT_S,
        "; ".join(wrong) or f"every byte as pushed, after {seconds:.1f} s",
        f"every byte as pushed, within {_LIMIT_S} s",
    )
