"""Tells the bridge again what the registry told: in any order, more than once, until it listens."""

import json
import random
import threading

from testlab.lab import wait

_TIMES = 2
_MOST_AT_ONCE = 5
# Kept to be told later, among newer ones.
_KEPT_BACK = 40
_TIMEOUT_S = 60
# How long it waits for events that have not come yet.
_POLL_S = 0.05
_TYPE = "application/vnd.docker.distribution.events.v1+json"


class EventEcho:
    """Posts every event that came to the lab's core, `_TIMES` times, shuffled, from a thread.

    Each post is repeated until it is answered: what a registry forgets when it is restarted comes
    from here, and a bridge that is dead hears it when it lives again.
    """

    def __init__(self, core, bridge, authorization, seed):
        """`bridge`: the Daemon."""
        self._core = core
        self._bridge = bridge
        self._headers = {"Authorization": authorization, "Content-Type": _TYPE}
        self._source = random.Random(seed)
        self._again = random.Random(f"{seed}/again")
        self._waiting = []
        self._seen = 0
        self._ended = threading.Event()
        self._failure = None
        self._counting = threading.Lock()
        self.posts = 0
        self.refused = 0
        self.told = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def repeat(self):
        """Tells some of what came before once more, now. From any thread."""
        known = self._core.events_from(0)
        with self._counting:
            events = self._again.sample(known, min(_MOST_AT_ONCE, len(known)))
        self._post(events)

    def finish(self):
        """Until all that has come was told. Raises what went wrong."""
        self._ended.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _run(self):
        try:
            while self._step():
                pass
        except Exception as error:  # pylint: disable=broad-exception-caught
            self._failure = error

    def _step(self):
        """False: all is told."""
        is_last = self._ended.is_set()
        new = self._core.events_from(self._seen)
        self._seen += len(new)
        self._waiting += new * _TIMES
        if len(self._waiting) > (0 if is_last else _KEPT_BACK):
            self._post(self._draw())
        elif is_last:
            return False
        else:
            self._ended.wait(_POLL_S)
        return True

    def _draw(self):
        """Some of those that wait, whichever."""
        events = []
        for _ in range(min(self._source.randint(1, _MOST_AT_ONCE), len(self._waiting))):
            at = self._source.randrange(len(self._waiting))
            self._waiting[at], self._waiting[-1] = self._waiting[-1], self._waiting[at]
            events.append(self._waiting.pop())
        return events

    def _post(self, events):
        body = json.dumps({"events": events})

        def is_taken():
            try:
                answer = self._bridge.place.send(
                    *("POST", "/registry/notifications", body, self._headers)
                )
            except OSError:
                with self._counting:
                    self.refused += 1
                raise
            return 200 <= answer.status < 300

        wait.until("the bridge to take events", is_taken, _TIMEOUT_S)
        with self._counting:
            self.posts += 1
            self.told += len(events)
