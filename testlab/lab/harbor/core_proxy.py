"""/v2/ as harbor-core answers it: who may, and what is where; manifests.py has what it keeps."""

import dataclasses
import re
import typing

from testlab.lab.harbor import token_service
from testlab.lab.harbor.service import error_response
from testlab.lab.harbor.token_signer import SERVICE

PATH = "/v2/"
_RESOURCE = re.compile(
    r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>.*)"
)
_NEEDED = {"GET": {"pull"}, "HEAD": {"pull"}, "DELETE": {"delete"}}
_PUSH = {"pull", "push"}
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_BASIC = {"Www-Authenticate": 'Basic realm="harbor"'}


@dataclasses.dataclass(frozen=True)
class Resource:
    """What a path below /v2/ names. `reference`: what stands behind the kind."""

    repository: str
    kind: str
    reference: str


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who has been let in. `authorization`: what the registry is told of it."""

    name: str
    actions: typing.Callable[[str], typing.FrozenSet[str]]
    authorization: str


class CoreProxy:
    """`keeper`: a TagsInRegistry or TagsInCore; `login`: see RegistryLogin and TokenLogin."""

    def __init__(self, accounts, projects, tokens, login, keeper):
        self._accounts = accounts
        self._projects = projects
        self._tokens = tokens
        self._login = login
        self._keeper = keeper

    def handle(self, request):
        match = _RESOURCE.fullmatch(request.path)
        if not match and request.path != PATH:
            return error_response(404, "NOT_FOUND", "no such resource")
        repository = match["repository"] if match else ""
        needed = _NEEDED.get(request.method, _PUSH)
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            return self._challenge(request, repository, needed)
        project = self._projects.of(repository)
        if repository and not project:
            name = repository.partition("/")[0]
            return error_response(
                *(401, "UNAUTHORIZED", f"project {name} not found"),
                {**_VERSION, "Www-Authenticate": ""},
            )
        caller = self._caller(authorization, repository)
        if not caller or (repository and not needed <= caller.actions(repository)):
            return _refuse()
        if not repository:
            return self._keeper.base(request, caller)
        resource = Resource(repository, match["kind"], match["rest"])
        return self._keeper.answer(request, resource, caller, project.blocked)

    def _challenge(self, request, repository, needed):
        """Even for what is public: a client gets an anonymous token for that."""
        address = f"{request.scheme}://{request.headers['Host']}{token_service.PATH}"
        challenge = f'Bearer realm="{address}",service="{SERVICE}"'
        if repository:
            actions = ",".join(sorted(needed))
            challenge += f',scope="repository:{repository}:{actions}"'
        headers = {**_VERSION, "Www-Authenticate": challenge}
        return error_response(401, "UNAUTHORIZED", "unauthorized to access repository", headers)

    def _caller(self, authorization, repository):
        """None: refused."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            granted = self._tokens.granted(token)
            if not granted:
                return None
            name, actions = granted
            return Caller(
                name,
                lambda asked: actions.get(asked, frozenset()),
                self._login.of_token(token),
            )
        principal = self._accounts.authenticate(authorization)
        if principal is None:
            return None
        return Caller(
            principal.name,
            lambda asked: self._projects.actions(principal, asked),
            self._login.of_principal(principal, repository),
        )


class TokenLogin:
    """To a registry that believes the token service's tokens, as Harbor 1.10 has it."""

    def __init__(self, tokens):
        self._tokens = tokens

    def of_token(self, token):
        return f"Bearer {token}"

    def of_principal(self, principal, repository):
        return f"Bearer {self._tokens.token(principal, [repository] if repository else [])}"


class RegistryLogin:
    """To a registry that knows core alone, by a password (htpasswd): Harbor 2.0 and later."""

    def __init__(self, registry):
        self._registry = registry

    def of_token(self, _):
        return self._registry.authorization()["Authorization"]

    def of_principal(self, *_):
        return self.of_token("")


def _refuse():
    """Of who sent something that does not do."""
    return error_response(
        401, "UNAUTHORIZED", "unauthorized to access repository", {**_VERSION, **_BASIC}
    )
