"""Users and robot accounts."""

import base64
import binascii
import dataclasses
import secrets
import time
import typing

ROBOT_PREFIX = "robot$"
ALL_PROJECTS = "*"


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who calls."""

    name: str
    is_admin: bool = False
    # Of a robot: {project: actions}; None: a user.
    permissions: typing.Optional[typing.Mapping[str, typing.FrozenSet[str]]] = None

    @property
    def is_anonymous(self):
        return not self.name


ANONYMOUS = Principal("")


@dataclasses.dataclass
class Account:
    """A change holds from the next request on."""

    name: str
    secret: str
    is_admin: bool = False
    permissions: typing.Optional[typing.Dict[str, typing.FrozenSet[str]]] = None
    disabled: bool = False
    # time.time(); None: never
    expires_at: typing.Optional[float] = None

    @property
    def credentials(self):
        """As clients take them on their command line."""
        return f"{self.name}:{self.secret}"

    def authorization(self):
        """The header for a request."""
        return basic(self.name, self.secret)

    @property
    def is_valid(self):
        return not self.disabled and (self.expires_at is None or time.time() < self.expires_at)


def basic(name, secret):
    """The header that Basic authentication wants."""
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


class Accounts:
    """All of them, by name."""

    def __init__(self):
        self._accounts = {}

    def add_user(self, name, is_admin=False):
        return self._add(Account(name, _new_secret(), is_admin))

    def add_robot(self, name, actions=("pull",), project=ALL_PROJECTS):
        """robot$NAME for all projects, robot$PROJECT+NAME for one."""
        full = name if project == ALL_PROJECTS else f"{project}+{name}"
        permissions = {project: frozenset(actions)}
        return self._add(Account(ROBOT_PREFIX + full, _new_secret(), permissions=permissions))

    def _add(self, account):
        self._accounts[account.name] = account
        return account

    def authenticate(self, authorization):
        """Whose Basic credentials a field `Authorization` has; None: nobody's who may come in."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._accounts.get(name)
        if not account or not account.is_valid:
            return None
        if not secrets.compare_digest(account.secret.encode(), secret.encode()):
            return None
        return Principal(account.name, account.is_admin, account.permissions)


def _new_secret():
    return secrets.token_urlsafe(18)
