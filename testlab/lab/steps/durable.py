"""What the bridge has said yes to is done, even if it dies first."""

from testlab.lab import wait
from testlab.lab.process import KILLED

_LAYER_BYTES = 1 << 20
_TIMEOUT_S = 60


def kill_bridge_with_work(lab, report):
    """An event arrives while no origin can be reached; then the bridge is killed and comes back."""
    bridge = lab.bridge
    image = lab.noise_image("library/promise", _LAYER_BYTES)
    for origin in lab.origins:
        bridge.host.block(origin.host.ip)
    failed = bridge.failed_jobs()
    lab.push(image, "library/promise:1")
    wait.until(
        "the bridge to try its work",
        lambda: bridge.failed_jobs() > failed,
        _TIMEOUT_S,
    )
    bridge.kill()
    report.require(bridge.exit_code == KILLED, f"the bridge ended with {bridge.exit_code}")
    lacking = len(lab.missing_copies(image))
    report.require(lacking, "the origins have the image already")
    for origin in lab.origins:
        bridge.host.unblock(origin.host.ip)
    bridge.start().wait_until_ready()
    lab.wait_until_origins_hold(image)
    heard = bridge.metrics().total("kraken_bridge_notifications_total")
    report.check(
        "events that a killed bridge had to hear again to do its work",
        heard == 0,
        int(heard),
        "0: it had written them down",
    )
