"""The lab, left running, with what to type."""

import os
import signal

from testlab.lab.registry import USER

_TEXT = """
The lab is up: {origins} origins, a tracker, a build-index, a bridge, {agents} agents, and two
registries that stand for two Harbors ({second} has the repositories
^team-b/.*, {first} all others).
{how}
Push (the origins fetch every blob at once, the tag moves at once):

    {enter}skopeo copy --dest-tls-verify=false --dest-creds={user}:{password} \\
        oci:{image} docker://{registry}/library/debian:latest

Pull, at any agent ({agent_list}):

    {enter}skopeo copy --src-tls-verify=false \\
        docker://{agent}/library/debian:latest dir:$(mktemp -d)

Look:

    {enter}curl http://{agent_metrics}/metrics
    {enter}curl {tls} https://kraken:{origin_port}/metrics
    {enter}curl http://{bridge_metrics}/metrics
    less {logs}/*.log

Stop: Ctrl-C. Everything goes, logs included.
"""


def run(lab, report, machine):
    """Starts the lab, says what to type, and waits. `machine`: how the machine reaches the lab."""
    with report.step("start", "start two registries, our processes, the network between them"):
        lab.start()
    print(_text(lab, machine), flush=True)
    while True:
        signal.pause()


def _text(lab, machine):
    agent, origin, bridge = lab.agents[0], lab.origins[0], lab.bridge
    certificate = f"--cacert {lab.security.authority}"

    def resolve(place):
        return f"{certificate} --resolve kraken:{place.port}:{place.ip}"

    return _TEXT.format(
        origins=len(lab.origins),
        agents=len(lab.agents),
        first=f"{lab.first.name} at {lab.first.place.address}",
        second=f"{lab.second.name} at {lab.second.place.address}",
        how=machine.explanation,
        enter=machine.prefix,
        user=USER,
        password=lab.first.password,
        image=os.path.realpath(lab.image("debian").folder),
        registry=lab.first.place.address,
        agent=agent.registry.address,
        agent_list=", ".join(a.registry.address for a in lab.agents),
        agent_metrics=agent.place.address,
        tls=resolve(origin.place),
        origin_port=origin.place.port,
        bridge_metrics=bridge.place.address,
        logs=lab.logs,
    )
