"""Users and robot accounts."""

import base64
import binascii
import dataclasses
import itertools
import secrets
import time
import typing

ROBOT_PREFIX = "robot$"
# Keys of a robot's permissions besides the names of projects.
ALL_PROJECTS = "*"
SYSTEM = "/"


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who calls."""

    name: str
    is_admin: bool = False
    # Of a robot: {project, ALL_PROJECTS or SYSTEM: {"repository:pull", …}}; None: a user.
    permissions: typing.Optional[typing.Mapping[str, typing.FrozenSet[str]]] = None

    @property
    def is_anonymous(self):
        return not self.name

    @property
    def is_robot(self):
        return self.permissions is not None


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
    number: int = 0
    description: str = ""

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
        self._numbers = itertools.count(1)

    def add_user(self, name, is_admin=False):
        return self._add(Account(name, new_secret(), is_admin))

    def add_robot(self, name, actions=("pull",), project=ALL_PROJECTS):
        """robot$NAME for all projects, robot$PROJECT+NAME for one; `actions`: with repositories."""
        full = name if project == ALL_PROJECTS else f"{project}+{name}"
        permissions = {project: frozenset(f"repository:{action}" for action in actions)}
        return self.add_robot_with(full, permissions)

    def add_robot_with(self, name, permissions, description=""):
        """`permissions`: as a Principal has them. None: there is one of this name."""
        full = ROBOT_PREFIX + name
        if full in self._accounts:
            return None
        return self._add(
            Account(full, new_secret(), permissions=permissions, description=description)
        )

    def _add(self, account):
        account.number = next(self._numbers)
        self._accounts[account.name] = account
        return account

    def robots(self):
        return [account for account in self._accounts.values() if account.permissions is not None]

    def remove_robot(self, number):
        """False: there is none."""
        for account in self.robots():
            if account.number == number:
                del self._accounts[account.name]
                return True
        return False

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


def new_secret():
    return secrets.token_urlsafe(18)
