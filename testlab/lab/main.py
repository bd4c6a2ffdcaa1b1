"""bazel run //testlab:e2e and //testlab:up: a whole cluster on this machine, for a while.

The outer process: looks for what is needed, makes a folder, lets the lab run within its wall, and
checks that nothing is left when it has ended.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

from testlab.lab import e2e, inside, leftovers, programs, sandbox, settings
from testlab.lab.errors import LabError

_EXIT_LEFTOVERS = 3
_SUBNETS = tuple(f"198.18.{number}" for number in range(256))  # RFC 2544: for tests of networks


def main(argv):
    options = settings.parse(argv)
    if options.inside:
        return inside.run(options)
    os.environ["PATH"] = programs.path()
    try:
        programs.require()
        e2e.selected(options.only)
    except (LabError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    folder = tempfile.mkdtemp(prefix="kraken-harbor-", dir=os.environ.get("TEST_TMPDIR"))
    try:
        code = _run(argv, options, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _clean_up(code, options, folder)


def _run(argv, options, folder):
    reason = "asked for" if options.loopback else sandbox.available()
    if reason:
        print(f"no network namespaces ({reason}): hosts are addresses of 127.0.0.0/8", flush=True)
    network = "loopback" if reason else _free_subnet()
    environment = {
        **os.environ,
        leftovers.MARK: os.path.basename(folder),
        "HOME": folder,
        "TMPDIR": folder,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, os.path.abspath(__file__), *argv]
    command += [f"--inside={folder}", f"--network={network}"]
    return sandbox.run(command, not reason, environment)


def _free_subnet():
    """One that the machine has no route to: it may get an interface in it."""
    listed = subprocess.run(
        ["ip", "-json", "route", "show"], capture_output=True, text=True, check=True
    )
    taken = [route["dst"] for route in json.loads(listed.stdout or "[]")]
    for subnet in _SUBNETS:
        if not any(route.startswith(subnet + ".") for route in taken):
            return subnet
    raise LabError("all of 198.18.0.0/16 is in use")


def _clean_up(code, options, folder):
    """Checks that nothing is left; says where the logs are if they are needed."""
    left = leftovers.after_a_moment(folder)
    if left:
        print(f"LEFT BEHIND: {', '.join(left)}", flush=True)
        code = code or _EXIT_LEFTOVERS
    if code not in (inside.EXIT_OK, inside.EXIT_INTERRUPTED) or options.keep:
        kept = _keep(folder)
        print(f"logs and configurations: {kept}", flush=True)
        return code
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder):
        print(f"LEFT BEHIND: {folder}", flush=True)
        return code or _EXIT_LEFTOVERS
    print("left behind: no process, no interface, no file", flush=True)
    return code


def _keep(folder):
    """Where Bazel looks for a test's files, if it is one."""
    outputs = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    if not outputs:
        return folder
    target = os.path.join(outputs, "lab")
    shutil.move(folder, target)
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
