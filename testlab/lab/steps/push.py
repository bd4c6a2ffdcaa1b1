"""Pushes, and what follows without anybody asking: the origins have every blob."""

import time

from testlab.lab.access_log import bytes_by_digest
from testlab.lab.report import megabytes

DEBIAN = "library/debian"
APP = "team-b/app"
PLATFORMS = "library/platforms"


def push_images(lab, report):
    """Two images and an index to two Harbors. Nobody has pulled anything when this ends."""
    debian, app, platforms = lab.image("debian"), lab.image("app"), lab.index("platforms")
    begin = time.monotonic()
    lab.push(debian, f"{DEBIAN}:latest")
    report.say(f"{DEBIAN}:latest, {len(debian.layers)} layers, {megabytes(debian.total_bytes)}")
    lab.push(app, f"{APP}:1", lab.second)
    report.say(f"{APP}:1 to the second Harbor, {megabytes(app.total_bytes)}")
    lab.push(platforms, f"{PLATFORMS}:1", everything=True)
    report.say(f"{PLATFORMS}:1, an index of {len(platforms.images)} images")
    pushed = time.monotonic()
    report.check(
        "size of library/debian:latest",
        debian.total_bytes >= 100e6 and len(debian.layers) > 2,
        f"{megabytes(debian.total_bytes)} in {len(debian.layers)} layers",
        "100 MB or more, several layers",
    )
    for image in [debian, app, *platforms.images]:
        lab.wait_until_origins_hold(image)
    ready = time.monotonic() - pushed
    report.note("push of all images", f"{pushed - begin:.1f} s")
    report.note("from the last push to all blobs on the origins", f"{ready:.1f} s")

    asked = sum(sum(agent.received_bytes().values()) for agent in lab.agents)
    report.check("bytes that agents have before any pull", asked == 0, int(asked), "0")
    # The two images share a layer: whichever Harbor was asked for it, once is enough.
    gets = lab.first.blob_gets() + lab.second.blob_gets()
    _check_given_once(report, "library/debian", gets, debian)
    _check_given_once(report, "team-b/app", gets, app)
    foreign = [get for get in lab.first.blob_gets() if get.repository.startswith("team-b/")]
    foreign += [get for get in lab.second.blob_gets() if not get.repository.startswith("team-b/")]
    report.check("blobs asked of the wrong Harbor", not foreign, len(foreign), "0")


def _check_given_once(report, name, gets, image):
    given = bytes_by_digest(gets)
    once = [digest for digest, size in image.blobs.items() if given.get(digest) == [size]]
    report.check(
        f"blobs of {name} that a Harbor gave out exactly once, whole",
        len(once) == len(image.blobs),
        f"{len(once)} of {len(image.blobs)}",
        "all",
    )
