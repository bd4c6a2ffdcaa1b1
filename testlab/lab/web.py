"""A small HTTP client: plain, or TLS with the lab's certificates."""

import dataclasses
import http.client
import ssl

DEFAULT_TIMEOUT_S = 10


class Tls:
    """How the lab's processes speak TLS: both ends show a certificate, whose name is fixed.

    Without a certificate of its own it is a client that only checks the server's.
    """

    def __init__(self, authority, certificate, key, name):
        self._files = (authority, certificate, key)
        self._name = name
        self._context = ssl.create_default_context(cafile=authority)
        if certificate:
            self._context.load_cert_chain(certificate, key)

    def offering(self, *protocols):
        """The same, with protocols to choose from (ALPN)."""
        other = Tls(*self._files, self._name)
        other._context.set_alpn_protocols(protocols)
        return other

    def of_tls12(self):
        """The same, with no newer version than TLS 1.2."""
        other = Tls(*self._files, self._name)
        other._context.maximum_version = ssl.TLSVersion.TLSv1_2
        return other

    def wrap(self, connected):
        """The connected socket, within TLS."""
        return self._context.wrap_socket(connected, server_hostname=self._name)


@dataclasses.dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self):
        return self.body.decode(errors="replace")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something listens."""

    ip: str
    port: int
    tls: Tls = None

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def connect(self, timeout_s=DEFAULT_TIMEOUT_S):
        """A connected http.client connection. OSError as sockets have it."""
        connection = http.client.HTTPConnection(self.ip, self.port, timeout=timeout_s)
        connection.connect()
        if self.tls:
            connection.sock = self.tls.wrap(connection.sock)
        return connection

    def send(self, method, path, body=None, headers=None, timeout_s=DEFAULT_TIMEOUT_S):
        """One request, one whole answer. OSError also for a broken answer."""
        connection = self.connect(timeout_s)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {self.url}{path}: {error!r}") from error
        finally:
            connection.close()

    def get(self, path, headers=None, timeout_s=DEFAULT_TIMEOUT_S):
        return self.send("GET", path, headers=headers, timeout_s=timeout_s)
