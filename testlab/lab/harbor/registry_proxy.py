"""The way from core to the registry behind it."""

import http.client

from testlab.lab.harbor.service import Response

_TIMEOUT_S = 60
_CHUNK_BYTES = 256 << 10
# Of one connection, or replaced by what core says itself.
_NOT_PASSED_ON = {
    *("authorization", "connection", "keep-alive", "transfer-encoding", "content-length"),
    *("host", "expect", "www-authenticate", "date", "server"),
}


class Forwarded:
    """The registry's answer, whose body is still to be read: response() or drop() ends it."""

    def __init__(self, connection, answer, is_head):
        self._connection = connection
        self._answer = answer
        self._is_head = is_head

    @property
    def status(self):
        return self._answer.status

    @property
    def headers(self):
        return self._answer.headers

    def drop(self):
        self._connection.close()

    def response(self):
        """For the client, its body passed on as it comes."""
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _NOT_PASSED_ON or name.lower() == "content-length"
        }
        if self._is_head or "Content-Length" not in self.headers:
            body = self._answer.read()
            self.drop()
            return Response(self.status, headers, body)
        return Response(self.status, headers, self._parts())

    def _parts(self):
        try:
            while part := self._answer.read(_CHUNK_BYTES):
                yield part
        finally:
            self.drop()


class RegistryProxy:
    """`registry`: the Place of a docker-registry."""

    def __init__(self, registry):
        self._registry = registry

    def forward(self, request, authorization, target=None, body=None):
        """Sends a request on, in the name of `authorization`; returns what is Forwarded.

        `target`, `body`: in place of the request's own.
        """
        registry = self._registry
        upstream = http.client.HTTPConnection(registry.ip, registry.port, timeout=_TIMEOUT_S)
        upstream.putrequest(
            request.method, target or request.target, skip_host=True, skip_accept_encoding=True
        )
        # The registry makes addresses of it, which are to lead here.
        upstream.putheader("Host", request.headers["Host"])
        upstream.putheader("X-Forwarded-Proto", request.scheme)
        upstream.putheader("Authorization", authorization)
        for name, value in request.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                upstream.putheader(name, value)
        if body is not None:
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
        elif request.is_chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
            upstream.endheaders(request.body(), encode_chunked=True)
        else:
            length = request.headers.get("Content-Length")
            if length is not None:
                upstream.putheader("Content-Length", length)
            upstream.endheaders(request.body())
        return Forwarded(upstream, upstream.getresponse(), request.method == "HEAD")
