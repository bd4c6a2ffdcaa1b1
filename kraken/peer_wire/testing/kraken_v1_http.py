"""What a process of Kraken's version 1 asks trackers and origins over HTTP, written anew from a
description of it.

Shares nothing with the programs that it is to meet. Standard library only.
"""

import http.client
import json
import time
import urllib.parse

from kraken.peer_wire.testing.kraken_v1 import Metainfo, ProtocolError

_TIMEOUT_S = 10
_FIRST_POLL_S = 0.1
_POLL_FACTOR = 1.3
_MAX_POLL_S = 1
_PATIENCE_S = 60


def ints(hex_digits):
    """An id or info hash as Go writes an array of bytes."""
    return list(bytes.fromhex(hex_digits))


class Refused(Exception):
    """A status that is no success."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body[:300]!r}")
        self.status = status


class Peer:
    """One that a tracker, or an origin itself, has named."""

    def __init__(self, answer):
        self.id = bytes(answer["peer_id"]).hex()
        self.ip = answer["ip"]
        self.port = answer["port"]
        self.origin = answer["origin"]
        self.complete = answer.get("complete", False)
        if len(self.id) != 40:
            raise ProtocolError(f"a peer id of {len(self.id)} hex digits")

    @property
    def address(self):
        return self.ip, self.port


class Server:
    """A tracker or an origin: (ip, port), seen from an address of ours."""

    def __init__(self, address, own_ip, wrap=None):
        """`wrap`: makes TLS of a connected socket; none: plain HTTP."""
        self._address = address
        self._own_ip = own_ip
        self._wrap = wrap

    def send(self, method, path, body=None):
        """Returns status, headers and body."""
        connection = http.client.HTTPConnection(
            *self._address, timeout=_TIMEOUT_S, source_address=(self._own_ip, 0)
        )
        try:
            connection.connect()
            if self._wrap:
                connection.sock = self._wrap(connection.sock)
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None):
        """The body of a 200."""
        status, _, answer = self.send(method, path, body)
        if status != http.client.OK:
            raise Refused(status, answer)
        return answer

    def _poll(self, path):
        """As ask; 202 means: not yet."""
        end = time.monotonic() + _PATIENCE_S
        pause_s = _FIRST_POLL_S
        while True:
            try:
                return self.ask("GET", path)
            except Refused as refused:
                if refused.status != http.client.ACCEPTED or time.monotonic() > end:
                    raise
            time.sleep(pause_s)
            pause_s = min(pause_s * _POLL_FACTOR, _MAX_POLL_S)

    def metainfo(self, namespace, name):
        """At a tracker. `name`: the digest's hex digits."""
        return Metainfo.parse(self._poll(f"/{_blob(namespace, name)}/metainfo"))

    def internal_metainfo(self, namespace, name):
        """At an origin."""
        return Metainfo.parse(self._poll(f"/internal/{_blob(namespace, name)}/metainfo"))

    def size(self, namespace, name):
        """At an origin."""
        status, headers, _ = self.send("HEAD", f"/internal/{_blob(namespace, name)}")
        if status != http.client.OK:
            raise Refused(status, b"")
        return int(headers["Content-Length"])

    def locations(self, name):
        """The origins of a blob."""
        status, headers, body = self.send("GET", f"/blobs/sha256:{name}/locations")
        if status != http.client.OK:
            raise Refused(status, body)
        return headers["Origin-Locations"].split(",")

    def peer_context(self):
        """An origin as a peer."""
        return Peer(json.loads(self.ask("GET", "/internal/peercontext")))

    def announce(self, metainfo, peer_id, address, complete, version=2):
        """Returns the peers, or None if there is nobody to be told, and the interval in seconds."""
        request = {
            "name": metainfo.name,
            "digest": f"sha256:{metainfo.name}",
            "info_hash": ints(metainfo.info_hash()),
            "peer": {
                "peer_id": ints(peer_id),
                "ip": address[0],
                "port": address[1],
                "origin": False,
                "complete": complete,
            },
        }
        if version == 1:
            del request["digest"]
            body = self.ask("GET", "/announce", request)
        else:
            body = self.ask("POST", f"/announce/{metainfo.info_hash()}", request)
        answer = json.loads(body)
        peers = answer["peers"]
        return peers and [Peer(peer) for peer in peers], answer["interval"] / 1e9


def _blob(namespace, name):
    return f"namespace/{urllib.parse.quote(namespace, safe='')}/blobs/sha256:{name}"
