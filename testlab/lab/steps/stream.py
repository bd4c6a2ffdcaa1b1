"""Cold pulls stream: the client has bytes before the blob is anywhere complete."""

from testlab.lab.report import megabytes, percent
from testlab.lab.streamed import StreamedGet

_LAYER_BYTES = 48 << 20
_REGISTRY_MEGABITS = 120
_TIMEOUT_S = 60
# Of the blob, out of the registry, when the client gets its first byte.
_MAX_SHARE = 0.20
_STOP_S = 15


def stream_cold_pull(lab, report):
    """An image that no origin knows, a registry behind a slow link, one plain GET."""
    image = lab.noise_image("library/cold", _LAYER_BYTES)
    digest, size = image.largest_blob
    code, _ = lab.bridge.terminate(_STOP_S)
    report.require(code == 0, f"the bridge ended with {code}")
    lab.push(image, "library/cold:1")
    held = [origin.name for origin in lab.origins if origin.holds(digest, size)]
    report.check("origins that hold the image before the pull", not held, len(held), "0")

    harbor = lab.first.host
    harbor.limit(_REGISTRY_MEGABITS)
    before = harbor.sent_bytes()

    def moment():
        complete = any(origin.holds(digest, size) for origin in lab.origins)
        return harbor.sent_bytes() - before, complete

    get = StreamedGet(
        lab.agents[0].registry, f"/v2/library/cold/blobs/{digest}", _TIMEOUT_S, moment
    )
    report.require(get.wait(_TIMEOUT_S), f"the pull hangs: {get}")
    harbor.unlimit()
    report.require(get.brought(digest, size), f"the pull went wrong: {get}")
    sent, complete = get.seen_at_first_byte
    report.check(
        "left the registry when a cold pull's client got its first byte",
        sent <= _MAX_SHARE * size and not complete,
        f"{percent(sent, size)} of {megabytes(size)}",
        f"at most {100 * _MAX_SHARE:g} %, no origin complete",
    )
    report.note(
        "cold pull through a slow link",
        f"first byte after {get.first_byte_s:.2f} s, last after {get.seconds:.2f} s",
    )
    lab.bridge.start().wait_until_ready()
    lab.wait_until_origins_hold(image)
    report.say("the bridge is back; the registry's event reached it, the origins hold the rest")
