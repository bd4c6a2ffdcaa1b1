"""/v2/ as harbor-core answers it: who may, what a policy forbids; the rest is the registry's."""

import http.client
import re

from testlab.lab.harbor import token_service
from testlab.lab.harbor.service import Response, error_response
from testlab.lab.harbor.token_signer import SERVICE

PATH = "/v2/"
_TIMEOUT_S = 60
_CHUNK_BYTES = 256 << 10
_RESOURCE = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs|tags|referrers)/.*")
_NEEDED = {"GET": {"pull"}, "HEAD": {"pull"}, "DELETE": {"delete"}}
_PUSH = {"pull", "push"}
# Of one connection, or replaced by what core says itself.
_NOT_PASSED_ON = {
    *("authorization", "connection", "keep-alive", "transfer-encoding", "content-length"),
    *("host", "expect", "www-authenticate", "date", "server"),
}
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_BASIC = {"Www-Authenticate": 'Basic realm="harbor"'}


class CoreProxy:
    """`registry`: the Place of a docker-registry that believes the token service's tokens."""

    def __init__(self, accounts, projects, tokens, registry):
        self._accounts = accounts
        self._projects = projects
        self._tokens = tokens
        self._registry = registry

    def handle(self, request):
        match = _RESOURCE.fullmatch(request.path)
        if not match and request.path != PATH:
            return error_response(404, "NOT_FOUND", "no such resource")
        repository = match["repository"] if match else ""
        needed = _NEEDED.get(request.method, _PUSH)
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return self._challenge(request, repository, needed)
        if repository and not self._projects.of(repository):
            project = repository.partition("/")[0]
            return error_response(
                *(401, "UNAUTHORIZED", f"project {project} not found"),
                {**_VERSION, "Www-Authenticate": ""},
            )
        token = self._token_of(authorization, repository, needed)
        if not token:
            return _refuse()
        return self._judge(request, match, self._forward(request, token))

    def _challenge(self, request, repository, needed):
        """Even for what is public: a client gets an anonymous token for that."""
        realm = f'Bearer realm="http://{request.headers["Host"]}{token_service.PATH}"'
        challenge = f'{realm},service="{SERVICE}"'
        if repository:
            actions = ",".join(sorted(needed))
            challenge += f',scope="repository:{repository}:{actions}"'
        headers = {**_VERSION, "Www-Authenticate": challenge}
        return error_response(401, "UNAUTHORIZED", "unauthorized to access repository", headers)

    def _token_of(self, authorization, repository, needed):
        """The one that came, for the registry to judge; for Basic one of our own. None: refused."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return token
        principal = self._accounts.authenticate(authorization)
        if principal is None:
            return None
        if not repository:
            return self._tokens.token(principal, [])
        if not needed <= self._projects.actions(principal, repository):
            return None
        return self._tokens.token(principal, [repository])

    def _forward(self, request, token):
        """The connection to the registry, and its answer, whose body is still to be read."""
        registry = self._registry
        upstream = http.client.HTTPConnection(registry.ip, registry.port, timeout=_TIMEOUT_S)
        upstream.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        # The registry makes addresses of it, which are to lead here.
        upstream.putheader("Host", request.headers["Host"])
        upstream.putheader("Authorization", f"Bearer {token}")
        for name, value in request.headers.items():
            if name.lower() not in _NOT_PASSED_ON:
                upstream.putheader(name, value)
        if request.is_chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
            upstream.endheaders(request.body(), encode_chunked=True)
        else:
            length = request.headers.get("Content-Length")
            if length is not None:
                upstream.putheader("Content-Length", length)
            upstream.endheaders(request.body())
        return upstream, upstream.getresponse()

    def _judge(self, request, match, forwarded):
        upstream, answer = forwarded
        is_manifest = match and match["kind"] == "manifests" and request.method in ("GET", "HEAD")
        verdict = None
        if answer.status == 401:
            verdict = _refuse()
        elif is_manifest and answer.status == 404:
            verdict = error_response(404, "NOT_FOUND", f"artifact of {request.path} not found")
        elif is_manifest and answer.status == 200:
            reason = self._projects.of(match["repository"]).blocked.get(
                answer.headers["Docker-Content-Digest"]
            )
            if reason:
                verdict = error_response(412, "PROJECTPOLICYVIOLATION", reason)
        if verdict:
            upstream.close()
            return verdict
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name.lower() not in _NOT_PASSED_ON or name.lower() == "content-length"
        }
        if request.method == "HEAD" or "Content-Length" not in answer.headers:
            body = answer.read()
            upstream.close()
            return Response(answer.status, headers, body)
        return Response(answer.status, headers, _body_of(upstream, answer))


def _refuse():
    """Of who sent something that does not do."""
    return error_response(
        401, "UNAUTHORIZED", "unauthorized to access repository", {**_VERSION, **_BASIC}
    )


def _body_of(upstream, answer):
    try:
        while part := answer.read(_CHUNK_BYTES):
            yield part
    finally:
        upstream.close()
