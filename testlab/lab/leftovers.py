"""What a lab has left behind: looked for after its end, by whoever started it."""

import os
import time

# In the environment of everything that a lab starts.
MARK = "KRAKEN_HARBOR_LAB"
# The kernel takes a network namespace down some time after its last process.
_MOMENT_S = 10
_INTERVAL_S = 0.05


def after_a_moment(folder):
    """What is still there when everything has had time to go. `folder`: the lab's."""
    deadline = time.monotonic() + _MOMENT_S
    while True:
        left = processes(os.path.basename(folder)) + interfaces(folder)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_INTERVAL_S)


def processes(lab_id):
    """["1234 kraken-agent"] of the lab that still run."""
    wanted = f"{MARK}={lab_id}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{name}/comm", encoding="utf-8") as file:
                found.append(f"{name} {file.read().strip()}")
        except OSError:
            continue  # Ended meanwhile, or somebody else's.
    return found


def interfaces(folder):
    """Of the machine, named after the lab's folder."""
    suffix = os.path.basename(folder)[-8:]
    return [name for name in os.listdir("/sys/class/net") if name == f"kh-{suffix}"]
