"""Projects: a repository's first component. Who may do what in them, and what they forbid."""

import dataclasses
import itertools
import typing

from testlab.lab.harbor.accounts import ALL_PROJECTS, SYSTEM

_OF_REPOSITORIES = "repository:"
_ALL_ACTIONS = frozenset({"pull", "push", "delete"})
# What one may do with repositories, and what of the API besides looking.
ROLES = {
    "admin": _ALL_ACTIONS,
    "developer": frozenset({"pull", "push"}),
    "guest": frozenset({"pull"}),
}
# Of the API, what every member of a project may do in it.
_MEMBERS_LOOK = frozenset(
    {"project:read", "repository:list", "artifact:list", "artifact:read", "tag:list"}
)


@dataclasses.dataclass
class Project:
    """`members`: {user: role}. `blocked`: {manifest digest: what the policy says of it}."""

    name: str
    number: int
    is_public: bool = False
    members: typing.Dict[str, str] = dataclasses.field(default_factory=dict)
    blocked: typing.Dict[str, str] = dataclasses.field(default_factory=dict)


class Projects:
    def __init__(self):
        self._projects = {}
        self._numbers = itertools.count(1)

    def add(self, name, is_public=False, **members):
        """`members`: user=role."""
        self._projects[name] = Project(name, next(self._numbers), is_public, members)
        return self._projects[name]

    def all(self):
        """By name."""
        return [self._projects[name] for name in sorted(self._projects)]

    def find(self, name):
        """By its name, or by its number in digits. None: there is no such project."""
        if name in self._projects:
            return self._projects[name]
        for project in self.all():
            if str(project.number) == name:
                return project
        return None

    def of(self, repository):
        """None: there is no such project."""
        return self._projects.get(repository.partition("/")[0])

    def actions(self, principal, repository):
        """All that one may do with a repository: "pull", "push", "delete"."""
        project = self.of(repository)
        if not project:
            return frozenset()
        if principal.is_admin:
            return _ALL_ACTIONS
        allowed = {"pull"} if project.is_public else set()
        if principal.is_robot:
            allowed |= {
                permission.removeprefix(_OF_REPOSITORIES)
                for permission in _robots_permissions(principal, project)
                if permission.startswith(_OF_REPOSITORIES)
            }
        else:
            allowed |= ROLES.get(project.members.get(principal.name), frozenset())
        return frozenset(allowed)

    def permits(self, principal, project, permission):
        """Whether one may do something of the API, "artifact:list", in a project."""
        if principal.is_admin:
            return True
        if principal.is_robot:
            return permission in _robots_permissions(principal, project)
        role = project.members.get(principal.name)
        return role == "admin" or (role is not None and permission in _MEMBERS_LOOK)

    def sees(self, principal, project):
        """Whether a list of projects has it for this one."""
        if principal.is_admin or project.is_public:
            return True
        if principal.is_robot:
            return bool(_robots_permissions(principal, project))
        return principal.name in project.members


def permits_in_system(principal, permission):
    """The same of the system, "robot:create"."""
    if principal.is_admin:
        return True
    return principal.is_robot and permission in principal.permissions.get(SYSTEM, ())


def _robots_permissions(principal, project):
    return {
        permission
        for name in (project.name, ALL_PROJECTS)
        for permission in principal.permissions.get(name, ())
    }
