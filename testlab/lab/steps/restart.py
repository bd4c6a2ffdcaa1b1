"""Ends in mid-download: SIGTERM lets it finish, SIGKILL lets it go on later."""

from testlab.lab import wait
from testlab.lab.process import KILLED
from testlab.lab.report import megabytes
from testlab.lab.streamed import StreamedGet

_LAYER_BYTES = 24 << 20
_ORIGIN_MEGABITS = 40
_TIMEOUT_S = 60
# Longer than an agent's grace for requests in flight.
_END_S = 15
_MOMENT = 0.3
_RECORDED = 0.1
# Pieces in flight at the end may come twice.
_KEPT = 0.9


def end_in_mid_download(lab, report):
    """An agent downloads two blobs; it is asked to end in the first, killed in the second."""
    image = lab.noise_image("library/patience", _LAYER_BYTES, _LAYER_BYTES)
    lab.push(image, "library/patience:1")
    lab.wait_until_origins_hold(image)
    (first, first_size), (second, second_size) = image.layers.items()
    agent = lab.agents[-1]
    for origin in lab.origins:
        origin.host.limit(_ORIGIN_MEGABITS)

    get = _begin(lab, agent, first, first_size)
    code, seconds = agent.terminate(_END_S)
    report.require(get.wait(_TIMEOUT_S), f"the client hangs: {get}")
    report.require(code == 0, f"SIGTERM in mid-download: {agent.name} ended with {code}")
    report.check(
        "SIGTERM in mid-download",
        get.brought(first, first_size),
        f"exit code {code} after {seconds:.1f} s, the client has its blob",
        "exit code 0 within seconds, nothing cut off",
    )

    agent.start().wait_until_ready()
    get = _begin(lab, agent, second, second_size)
    wait.until(
        "the agent to have written down pieces",
        lambda: agent.recorded_bytes(second) > _RECORDED * second_size,
        _TIMEOUT_S,
    )
    agent.kill()
    report.require(agent.exit_code == KILLED, f"{agent.name} ended with {agent.exit_code}")
    get.wait(_TIMEOUT_S)
    report.require(not get.brought(second, second_size), f"{agent.name} was killed too late")
    recorded = agent.recorded_bytes(second)
    agent.start().wait_until_ready()
    get = StreamedGet(agent.registry, f"/v2/library/patience/blobs/{second}", _TIMEOUT_S)
    report.require(get.wait(_TIMEOUT_S), f"the pull hangs: {get}")
    report.require(get.brought(second, second_size), f"the pull went wrong: {get}")
    again = sum(agent.received_bytes().values())
    report.check(
        "downloaded again after a kill -9 in mid-download",
        again <= second_size - _KEPT * recorded,
        f"{megabytes(again)} of {megabytes(second_size)}; {megabytes(recorded)} were on record",
        "only what was not on record",
    )
    for origin in lab.origins:
        origin.host.unlimit()


def _begin(lab, agent, digest, size):
    before = sum(agent.received_bytes().values())
    get = StreamedGet(agent.registry, f"/v2/library/patience/blobs/{digest}", _TIMEOUT_S)
    wait.until(
        "the agent to be in the middle of its download",
        lambda: sum(agent.received_bytes().values()) - before > _MOMENT * size,
        _TIMEOUT_S,
    )
    return get
