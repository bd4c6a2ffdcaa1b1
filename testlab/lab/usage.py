"""What a process costs: CPU time and wake-ups of all its threads, as the kernel counts them."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class ThreadUse:
    name: str
    cpu_s: float
    # Times that the thread slept and was woken.
    wakeups: int


def threads(pid):
    """{thread id: ThreadUse} so far."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        base = f"/proc/{pid}/task/{task}"
        try:
            with open(f"{base}/status", encoding="ascii", errors="replace") as file:
                status = dict(line.split(":", 1) for line in file.read().splitlines())
            with open(f"{base}/schedstat", encoding="ascii") as file:
                on_cpu_ns = int(file.read().split()[0])
        except OSError:
            continue  # It has just ended.
        found[int(task)] = ThreadUse(
            status["Name"].strip(),
            on_cpu_ns / 1e9,
            int(status["voluntary_ctxt_switches"]),
        )
    return found


def between(before, after):
    """What each thread used between two answers of threads(); of those that ended, nothing."""
    nothing = ThreadUse("", 0, 0)
    used = []
    for task, now in after.items():
        then = before.get(task, nothing)
        used.append(ThreadUse(now.name, now.cpu_s - then.cpu_s, now.wakeups - then.wakeups))
    return used
