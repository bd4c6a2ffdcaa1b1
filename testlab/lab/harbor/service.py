"""The HTTP of Harbor's parts: bodies of any size pass through, in both directions."""

import dataclasses
import http.server
import json
import ssl
import sys
import threading
import typing
import urllib.parse

from testlab.lab.web import Place, Tls

_POLL_S = 0.05
_CHUNK_BYTES = 256 << 10


class Request:
    """What a client asks. Its body is read at most once."""

    def __init__(self, handler, scheme):
        self.scheme = scheme
        self.method = handler.command
        self.target = handler.path
        parts = urllib.parse.urlsplit(handler.path)
        self.path = parts.path
        self.query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        self.headers = handler.headers
        self._stream = handler.rfile
        self._left = int(self.headers.get("Content-Length", 0))
        self.is_chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        self.body_is_read = not self._left and not self.is_chunked

    def body(self):
        """Its parts, as they come."""
        self.body_is_read = True
        yield from self._chunks() if self.is_chunked else self._read(self._left)

    def _read(self, count):
        while count:
            part = self._stream.read(min(count, _CHUNK_BYTES))
            if not part:
                raise ConnectionError("the client went away within a body")
            count -= len(part)
            yield part

    def _chunks(self):
        while size := int(self._stream.readline().partition(b";")[0], 16):
            yield from self._read(size)
            self._stream.readline()
        while self._stream.readline().strip():
            pass  # trailers

    def text(self):
        """The whole body."""
        return b"".join(self.body())

    def argument(self, name):
        """The first of this name, or ""."""
        return self.query.get(name, [""])[0]


@dataclasses.dataclass
class Response:
    """`body`: bytes, or an iterator if `headers` tell its length."""

    status: int
    headers: typing.Dict[str, str] = dataclasses.field(default_factory=dict)
    body: typing.Union[bytes, typing.Iterator[bytes]] = b""


def json_response(status, value, headers=None):
    content = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    return Response(status, content, json.dumps(value).encode())


def error_response(status, code, message, headers=None):
    """As Harbor words errors, of its registry and of its API."""
    return json_response(status, {"errors": [{"code": code, "message": message}]}, headers)


@dataclasses.dataclass(frozen=True)
class ServerTls:
    """The files of a server's certificate and key, and how clients of the lab's own speak to it."""

    certificate: str
    key: str
    client: Tls


def server_tls(authority, name, ip):
    """A server's of this name at this address, certified by an Authority of the lab's."""
    certificate, key = authority.issue(name, ip)
    return ServerTls(certificate, key, Tls(authority.certificate, None, None, name))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Who breaks off a handshake, or a request, is a client's own affair."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Service:
    """Listens from the start, and serves the routes it is given; what has none is a 404."""

    def __init__(self, ip, tls=None):
        """`tls`: ServerTls; None: plain HTTP."""
        self._routes = []
        # Every answer is 503 while it is.
        self.is_out_of_order = False
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # Else a body waits until the head is acknowledged.

            def log_message(self, *_):
                pass

        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", lambda handler: service._handle(handler))
        self._server = _Server((ip, 0), Handler)
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(tls.certificate, tls.key)
            # Hands are shaken in a connection's own thread: who is slow there holds up nobody else.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.place = Place(ip, self._server.server_address[1], tls and tls.client)
        threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True).start()

    def add(self, prefix, handle):
        """`handle`: Request -> Response, for paths that begin with `prefix`. The first fits."""
        self._routes.append((prefix, handle))

    def _handle(self, handler):
        try:
            request = Request(handler, "https" if self.place.tls else "http")
            self._send(handler, request, self._answer(request))
            # What of a body nobody wanted would be taken for the next request.
            handler.close_connection = handler.close_connection or not request.body_is_read
        except OSError:
            handler.close_connection = True

    def _answer(self, request):
        if self.is_out_of_order:
            return error_response(503, "UNAVAILABLE", "out of order")
        for prefix, handle in self._routes:
            if request.path.startswith(prefix):
                return handle(request)
        return error_response(404, "NOT_FOUND", f"no such path: {request.path}")

    def _send(self, handler, request, response):
        handler.send_response(response.status)
        for name, value in response.headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in response.headers:
            handler.send_header("Content-Length", str(len(response.body)))
        if not request.body_is_read:
            handler.send_header("Connection", "close")
        handler.end_headers()
        if request.method == "HEAD":
            return
        for part in [response.body] if isinstance(response.body, bytes) else response.body:
            handler.wfile.write(part)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
