"""Waiting by condition: nothing in the lab sleeps for a fixed time and hopes."""

import time

from testlab.lab.errors import LabError

# Short, as what is waited for is often measured.
_INTERVAL_S = 0.02


def until(what, condition, timeout_s, interval_s=_INTERVAL_S):
    """Calls `condition` until it returns something true, and returns that.

    A condition that raises OSError has not come true yet: the last error is told when time is up.
    """
    deadline = time.monotonic() + timeout_s
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except OSError as error:
            last = error
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_s:g} s for {what}; last seen: {last!r}")
        time.sleep(interval_s)
