"""What happens at Harbor to artifacts, and who is told of it."""

import dataclasses
import typing

PUSH = "PUSH_ARTIFACT"
PULL = "PULL_ARTIFACT"
DELETE = "DELETE_ARTIFACT"


@dataclasses.dataclass(frozen=True)
class Event:
    """`tag`: None if there is none. `artifact`: of a push, from Harbor 2.0 on."""

    kind: str
    repository: str
    digest: str
    tag: typing.Optional[str]
    operator: str
    artifact: typing.Any = None


def deletion_of(artifact, operator):
    """It names one of perhaps many tags."""
    tag = min(artifact.tags, default=None)
    return Event(DELETE, artifact.repository, artifact.digest, tag, operator)


class Events:
    """Tells all listeners, functions of an Event, in the thread of who fires."""

    def __init__(self):
        self._listeners = []

    def listen(self, listener):
        self._listeners.append(listener)

    def fire(self, event):
        for listener in self._listeners:
            listener(event)
