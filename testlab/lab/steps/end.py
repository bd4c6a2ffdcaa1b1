"""The end: memory over the whole run, and a clean shutdown of everything."""

import os
import time

from testlab.lab.daemons import EXIT_OK
from testlab.lab.report import mebibytes

_MAX_AGENT_BYTES = 64 << 20
_END_S = 20


def check_memory(lab, report):
    """The kernel's own peak of each process, over all of its starts."""
    peaks = {daemon.name: daemon.measure_memory() for daemon in lab.daemons}
    agents = {name: peak for name, peak in peaks.items() if name.startswith("agent")}
    worst = max(agents, key=agents.get)
    report.check(
        "most memory (RSS) that an agent ever held",
        agents[worst] < _MAX_AGENT_BYTES,
        f"{mebibytes(agents[worst])} ({worst})",
        "less than 64 MiB",
    )
    origins = [peak for name, peak in peaks.items() if name.startswith("origin")]
    report.note("of an origin", mebibytes(max(origins)))
    for name in ("tracker", "build-index", "bridge"):
        report.note(f"of {name}", mebibytes(peaks[name]))


def shut_down(lab, report):
    """SIGTERM to all at once."""
    begin = time.monotonic()
    daemons = lab.daemons
    for daemon in daemons:
        report.require(daemon.running, f"{daemon.name} does not run any more")
        daemon.terminate_soon()
    codes = {daemon.name: daemon.wait(_END_S) for daemon in daemons}
    bad = {name: code for name, code in codes.items() if code != EXIT_OK}
    report.check(
        "SIGTERM to all of our processes",
        not bad,
        f"{len(codes) - len(bad)} of {len(codes)} ended with 0 in {time.monotonic() - begin:.1f} s",
        "exit code 0 within seconds",
    )
    for registry in lab.registries.values():
        registry.stop()
    if os.getpid() == 1:
        left = [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        report.check("processes left in the lab", not left, len(left), "0")
