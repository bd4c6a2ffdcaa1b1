"""When a burst's bridge is killed and its registry restarted."""

import json
import random
import threading

from testlab.lab import wait
from testlab.lab.errors import LabError
from testlab.lab.process import KILLED

KILLS = 5
RESTARTS = 2
_TIMEOUT_S = 60
_POLL_S = 0.001


def kill_counts(pushes, seed):
    """After how many pushes: some number of each fifth of the burst, the last tenth left out."""
    source = random.Random(seed)
    share = max(1, pushes * 9 // 10 // KILLS)
    return [share * number + source.randint(1, share) for number in range(KILLS)]


class BridgeKiller:
    """Kills the bridge with -9 while it is at work, and starts it again on what it wrote."""

    def __init__(self, bridge, counts, make_work):
        """`make_work()` is called while the bridge that is to be killed has nothing to do."""
        self._bridge = bridge
        self._make_work = make_work
        self._counts = list(counts)
        self._lock = threading.Lock()  # held by who kills
        # Of each kill: what the bridge had to do.
        self.running = []
        self.pending = []

    def when_pushed(self, count):
        """For those who push: the others go on pushing, which is what the bridge works at."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._counts and count >= self._counts[0]:
                self._counts.pop(0)
                self._kill()
        finally:
            self._lock.release()

    def finish(self):
        """Kills as often as is left, when all is pushed."""
        while self._counts:
            self.when_pushed(self._counts[0])

    def _kill(self):
        running, pending = wait.until("the bridge to be at work", self._work, _TIMEOUT_S, _POLL_S)
        self._bridge.kill()
        if self._bridge.exit_code != KILLED:
            raise LabError(f"the bridge ended with {self._bridge.exit_code}")
        self.running.append(running)
        self.pending.append(pending)
        self._bridge.start().wait_until_ready()

    def _work(self):
        """None: it has nothing to do."""
        running, pending = jobs(self._bridge)
        if running:
            return running, pending
        self._make_work()
        return None


def jobs(bridge):
    """(running, pending) of the bridge's only Harbor now: metrics are samples of it."""
    (harbor,) = json.loads(bridge.place.get("/api/v1/harbors").body)["harbors"]
    return harbor["running"], harbor["pending"]
