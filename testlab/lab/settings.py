"""What the lab is told on its command line: where Bazel put programs and images, and what to do."""

import argparse

from testlab.lab.sabotage import SABOTAGES

MODES = ("e2e", "up", "cold_pull", "footprint", "latency", "serving")


def _pair(text):
    name, separator, path = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, path


def parse(argv):
    parser = argparse.ArgumentParser(
        description="A whole cluster on this machine: two registries, origins, agents, clients."
    )
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--program", action="append", type=_pair, default=[], metavar="NAME=PATH")
    parser.add_argument("--image", action="append", type=_pair, default=[], metavar="NAME=PATH")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        help="e2e: only this step, after the start (repeatable)",
    )
    parser.add_argument(
        "--sabotage",
        choices=sorted(SABOTAGES),
        help="e2e: break the cluster in this way; a run that passes all the same is a failure",
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and configurations")
    parser.add_argument(
        "--loopback", action="store_true", help="addresses of 127.0.0.0/8, not network namespaces"
    )
    parser.add_argument(
        "--kill-seed",
        type=int,
        default=1,
        help="e2e: which processes are killed when in the step `kills` (1)",
    )
    _add_measurements(parser)
    # From the outer process to the inner one.
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--network", help=argparse.SUPPRESS)
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--machine-network", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--wall-pid", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    options.program = dict(options.program)
    options.image = dict(options.image)
    return options


def _add_measurements(parser):
    """How much is measured."""
    for name, default, what in (
        ("blobs", 200, "latency: blobs of 1 KiB"),
        ("swarms", 30, "latency: swarms that a second peer joins"),
        ("cold-swarms", 10, "latency: such swarms whose agents have just started"),
        ("torrents", 1000, "footprint: blobs that the agent keeps"),
        ("gigabytes", 20, "footprint: GiB that it downloads"),
        ("idle-seconds", 60, "footprint: how long it is watched doing nothing"),
        ("pairs", 9, "serving, cold_pull: how often each way is measured"),
        ("seconds", 2, "serving: how long wrk runs each time"),
        ("blob-mebibytes", 256, "serving: size of the blob"),
        ("cold-mebibytes", 2048, "cold_pull: size of the blob"),
        ("megabits", 1000, "cold_pull: Mbit/s of the slow link"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} ({default})")
