"""/service/notifications: how core heard of pushes until Harbor 1.10."""

import json

from testlab.lab.harbor.events import PUSH, Event
from testlab.lab.harbor.service import Response

PATH = "/service/notifications"


class Notifications:
    """What the registry tells becomes an Event, if it is a push of a tag."""

    def __init__(self, events):
        self._events = events

    def handle(self, request):
        for told in json.loads(request.text())["events"]:
            target = told["target"]
            if told["action"] == "push" and target.get("tag"):
                self._events.fire(
                    Event(
                        *(PUSH, target["repository"], target["digest"], target["tag"]),
                        told["actor"].get("name", ""),
                    )
                )
        return Response(200)
