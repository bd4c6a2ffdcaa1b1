"""Projects: a repository's first component. Who may do what in them, and what they forbid."""

import dataclasses
import typing

from testlab.lab.harbor.accounts import ALL_PROJECTS

_ALL_ACTIONS = frozenset({"pull", "push", "delete"})
ROLES = {
    "admin": _ALL_ACTIONS,
    "developer": frozenset({"pull", "push"}),
    "guest": frozenset({"pull"}),
}


@dataclasses.dataclass
class Project:
    """`members`: {user: role}. `blocked`: {manifest digest: what the policy says of it}."""

    name: str
    is_public: bool = False
    members: typing.Dict[str, str] = dataclasses.field(default_factory=dict)
    blocked: typing.Dict[str, str] = dataclasses.field(default_factory=dict)


class Projects:
    def __init__(self):
        self._projects = {}

    def add(self, name, is_public=False, **members):
        """`members`: user=role."""
        self._projects[name] = Project(name, is_public, members)
        return self._projects[name]

    def of(self, repository):
        """None: there is no such project."""
        return self._projects.get(repository.partition("/")[0])

    def actions(self, principal, repository):
        """All that one may do with a repository."""
        project = self.of(repository)
        if not project:
            return frozenset()
        if principal.is_admin:
            return _ALL_ACTIONS
        allowed = {"pull"} if project.is_public else set()
        if principal.permissions is None:
            allowed |= ROLES.get(project.members.get(principal.name), frozenset())
        else:
            for name in (project.name, ALL_PROJECTS):
                allowed |= principal.permissions.get(name, frozenset())
        return frozenset(allowed)
