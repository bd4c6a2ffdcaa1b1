"""Robot accounts of the system."""

from testlab.lab.harbor import times
from testlab.lab.harbor.accounts import ALL_PROJECTS, SYSTEM, new_secret
from testlab.lab.harbor.api import Refusal, done
from testlab.lab.harbor.service import json_response

_ROBOT = "/robots/{robot}"
_SCOPES = ("kind", "namespace", "access")


class RobotsApi:
    """`accounts`: Accounts."""

    def __init__(self, api, accounts):
        self._accounts = accounts
        api.add("GET", "/robots", self._list, needs="system/robot:list")
        api.add("POST", "/robots", self._create, needs="system/robot:create")
        api.add("PATCH", _ROBOT, self._new_secret, needs="system/robot:update")
        api.add("DELETE", _ROBOT, self._delete, needs="system/robot:delete")

    def _list(self, call):
        return call.page([_shown(account) for account in self._accounts.robots()])

    def _create(self, call):
        value = call.value("name", "level", "duration", "permissions")
        permissions = {}
        for scope in value["permissions"]:
            if not scope.keys() >= set(_SCOPES):
                raise Refusal(400, f"a permission must have {', '.join(_SCOPES)}")
            name = SYSTEM if scope["kind"] == "system" else scope["namespace"]
            added = {f"{access['resource']}:{access['action']}" for access in scope["access"]}
            permissions[name] = frozenset(permissions.get(name, frozenset()) | added)
        account = self._accounts.add_robot_with(
            value["name"], permissions, value.get("description", "")
        )
        if not account:
            raise Refusal(409, "robot account already exists")
        return json_response(
            201,
            {
                "id": account.number,
                "name": account.name,
                # Told once.
                "secret": account.secret,
                "expires_at": -1,
                "creation_time": times.text(times.now()),
            },
            {"Location": f"{call.request.path}/{account.number}"},
        )

    def _new_secret(self, call):
        """Rotates it."""
        for account in self._accounts.robots():
            if account.number == call.number("robot"):
                account.secret = call.value().get("secret") or new_secret()
                return json_response(200, {"secret": account.secret})
        raise Refusal(404, "robot account not found")

    def _delete(self, call):
        if not self._accounts.remove_robot(call.number("robot")):
            raise Refusal(404, "robot account not found")
        return done()


def _shown(account):
    scopes = [
        {
            "kind": "system" if name == SYSTEM else "project",
            "namespace": name,
            "access": [
                dict(zip(("resource", "action"), permission.split(":"), strict=True))
                for permission in sorted(permissions)
            ],
        }
        for name, permissions in account.permissions.items()
    ]
    of_system = ALL_PROJECTS in account.permissions or SYSTEM in account.permissions
    return {
        "id": account.number,
        "name": account.name,
        "description": account.description,
        "level": "system" if of_system else "project",
        "disable": account.disabled,
        "duration": -1,
        "editable": True,
        "expires_at": -1 if account.expires_at is None else int(account.expires_at),
        "permissions": scopes,
    }
