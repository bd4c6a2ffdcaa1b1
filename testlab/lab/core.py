"""What stands for Harbor's core: the registry's first notification endpoint, which notes times."""

import http.server
import json
import threading
import time

from testlab.lab.web import Place

PATH = "/service/notifications"
_POLL_S = 0.05


class Core:
    """Takes registry events on an address of the lab's own; thread-safe."""

    def __init__(self, ip):
        self._events = []
        self._changed = threading.Condition()
        core = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                core._note(json.loads(body)["events"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((ip, 0), Handler)
        self._server.daemon_threads = True
        self.place = Place(ip, self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True).start()

    @property
    def url(self):
        return self.place.url + PATH

    def _note(self, events):
        now = time.monotonic()
        with self._changed:
            self._events += [(now, event) for event in events]
            self._changed.notify_all()

    def when_pushed(self, repository, digest, timeout_s):
        """The time.monotonic() of the push event for a manifest; None if none came in time."""

        def found():
            for when, event in self._events:
                target = event.get("target", {})
                if (target.get("repository"), target.get("digest")) == (repository, digest):
                    return when
            return None

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, timeout_s)
            return found()

    def events_from(self, number):
        """All events but the first `number` that came."""
        with self._changed:
            return [event for _, event in self._events[number:]]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
