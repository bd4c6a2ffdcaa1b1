"""The lab itself, within its namespaces: builds the network and runs what was asked for."""

import dataclasses
import os
import shutil
import signal
import threading
import traceback

from testlab.lab import cold_pull, e2e, footprint, latency, serving, up
from testlab.lab.errors import Interrupted, LabError
from testlab.lab.lab import Lab
from testlab.lab.network import LoopbackNetwork, NamespaceNetwork
from testlab.lab.report import Report
from testlab.lab.sabotage import SABOTAGES

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
# Kept for whoever looks for a fault; all else is bulk.
KEPT = ("logs", "hosts")
# What measures on a cluster of its own.
_MEASUREMENTS = {
    "cold_pull": cold_pull,
    "footprint": footprint,
    "latency": latency,
    "serving": serving,
}
# In a host's folder.
_BULK = ("cache", "storage")


@dataclasses.dataclass(frozen=True)
class Machine:
    """How one types commands that reach the lab."""

    prefix: str
    explanation: str


def run(options):
    """The exit code."""
    _end_with_lifeline(options.lifeline)
    _listen_to_signals()
    steps = e2e.selected(options.only)
    measurement = _MEASUREMENTS.get(options.mode)
    report = Report(_step_count(options.mode, steps))
    lab = None
    code = EXIT_FAILED
    try:
        network = _make_network(options.network)
        if measurement:
            lab = measurement.make_cluster(network, options.inside, options.program)
        else:
            lab = Lab(
                network, options.inside, options.program, options.image, options.kill_seed
            )
        if measurement:
            measurement.run(lab, report, options)
            report.require_all()
        elif options.mode == "up":
            up.run(lab, report, _join_machine(network, options))
        else:
            e2e.run(lab, report, steps, SABOTAGES.get(options.sabotage))
        code = EXIT_OK
    except LabError as error:
        if not report.failed:
            print(f"FAILED: {error}", flush=True)
    except Interrupted:
        code = EXIT_OK if options.mode == "up" else EXIT_INTERRUPTED
        print("\nending the lab", flush=True)
    except Exception:  # Whatever it is, the lab ends in order.
        traceback.print_exc()
    finally:
        _ignore_signals()
        if lab:
            lab.close()
    if options.mode != "up" and code != EXIT_INTERRUPTED:
        code = _judge(report, code, options)
    if code == EXIT_FAILED:
        _keep_what_explains(options.inside)
    elif not options.keep:
        shutil.rmtree(options.inside, ignore_errors=True)
    return code


def _step_count(mode, steps):
    if mode in _MEASUREMENTS:
        return _MEASUREMENTS[mode].STEPS
    return len(steps) + 1 if mode == "e2e" else 1


def _judge(report, code, options):
    """Prints the table and the verdict. With a sabotage, failing where it must is what is right."""
    print(f"\n{report.table()}\n")
    verdict = "PASSED" if code == EXIT_OK else "FAILED"
    claims = f"{report.claims} claims held"
    print(f"{options.mode}: {verdict}, {claims}, {report.seconds:.1f} s", flush=True)
    sabotage = options.sabotage
    if not sabotage:
        return code
    expected = SABOTAGES[sabotage].fails
    noticed = report.failed == expected
    said = "noticed" if noticed else f"NOT NOTICED by step {expected!r}"
    print(f"sabotage ({SABOTAGES[sabotage].description}): {said}", flush=True)
    return EXIT_OK if noticed else EXIT_FAILED


def _make_network(name):
    if name == "loopback":
        return LoopbackNetwork()
    return NamespaceNetwork(name)


def _join_machine(network, options):
    """Gives the machine a way into the lab, if its root asks."""
    if not network.has_slow_links:
        return Machine("", "Its addresses are this machine's.")
    with open("/proc/self/uid_map", encoding="ascii") as file:
        is_root = file.read().split() == ["0", "0", "4294967295"]
    if not is_root:
        enter = f"nsenter --target {options.wall_pid} --user --net --preserve-credentials "
        return Machine(enter, "It is in a network of its own, which nsenter enters.")
    interface = "kh-" + os.path.basename(options.inside)[-8:]
    network.join_machine(f"/proc/{os.getpid()}/fd/{options.machine_network}", interface)
    return Machine("", f"This machine reaches it through the interface {interface}.")


def _listen_to_signals():
    def interrupt(*_):
        _ignore_signals()  # Once is enough; what ends the lab must not be interrupted.
        raise Interrupted()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _ignore_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _end_with_lifeline(lifeline):
    """When the outer process is gone or lets go, the lab ends as by SIGTERM."""

    def watch():
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _keep_what_explains(folder):
    """Leaves logs and configurations, takes everything that is large."""
    for name in os.listdir(folder):
        if name not in KEPT:
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    for host in os.listdir(os.path.join(folder, "hosts")):
        for name in _BULK:
            shutil.rmtree(os.path.join(folder, "hosts", host, name), ignore_errors=True)
