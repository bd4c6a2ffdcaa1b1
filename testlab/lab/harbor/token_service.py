"""/service/token: tokens for who has credentials, and for who has none."""

import datetime

from testlab.lab.harbor.accounts import ANONYMOUS
from testlab.lab.harbor.service import error_response, json_response
from testlab.lab.harbor.token_signer import SERVICE

PATH = "/service/token"
LIFETIME_S = 1800


class TokenService:
    """A token grants all that its owner may do in the repositories asked for; perhaps nothing."""

    def __init__(self, accounts, projects, signer):
        self._accounts = accounts
        self._projects = projects
        self._signer = signer

    def handle(self, request):
        if request.method != "GET":
            return error_response(405, "METHOD_NOT_ALLOWED", "only GET", {"Allow": "GET"})
        if request.argument("service") != SERVICE:
            return error_response(400, "BAD_REQUEST", "unknown service")
        authorization = request.headers.get("Authorization", "")
        principal = ANONYMOUS
        if authorization:
            principal = self._accounts.authenticate(authorization)
        scopes = [scope for text in request.query.get("scope", []) for scope in text.split()]
        if principal is None or (principal.is_anonymous and not scopes):
            return error_response(401, "UNAUTHORIZED", "unauthorized")
        repositories = [repository for scope in scopes for repository in _repository_of(scope)]
        now = datetime.datetime.now(datetime.timezone.utc)
        return json_response(
            200,
            {
                "token": self.token(principal, repositories),
                "access_token": "",
                "expires_in": LIFETIME_S,
                "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        )

    def token(self, principal, repositories, lifetime_s=LIFETIME_S):
        """What handle() gives."""
        access = [
            {
                "type": "repository",
                "name": repository,
                "actions": sorted(self._projects.actions(principal, repository)),
            }
            for repository in repositories
        ]
        return self._signer.sign(principal.name, access, lifetime_s)

    def pull_token(self, subject, repository, lifetime_s=LIFETIME_S):
        """One that Harbor gives to a service of its own choice: for pulling, nothing else."""
        access = [{"type": "repository", "name": repository, "actions": ["pull"]}]
        return self._signer.sign(subject, access, lifetime_s)

    def granted(self, token):
        """(subject, {repository: actions}) of a token of ours that has not expired, else None."""
        claims = self._signer.claims(token)
        if not claims:
            return None
        return claims["sub"], {
            entry["name"]: frozenset(entry["actions"]) for entry in claims["access"]
        }


def _repository_of(scope):
    """"repository:team/app:pull" -> ["team/app"]; of other types nothing."""
    kind, _, rest = scope.partition(":")
    name, separator, _ = rest.rpartition(":")
    return [name] if kind == "repository" and separator else []
