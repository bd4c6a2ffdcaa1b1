"""P2P preheat instances: the providers that Harbor knows."""

import itertools
import threading

from testlab.lab.errors import LabError
from testlab.lab.harbor import preheat_drivers, times


class Instances:
    """By name, as the API shows them, but with their credentials in `auth_info`."""

    def __init__(self, version):
        self._version = version
        self._lock = threading.Lock()
        self._instances = {}
        self._numbers = itertools.count(1)

    def all(self):
        with self._lock:
            return list(self._instances.values())

    def find(self, name):
        """None: there is none."""
        return self._instances.get(name)

    def put(self, wanted, name=None):
        """Makes one, or (`name`) changes one. False: its name or endpoint is taken."""
        with self._lock:
            for other in self._instances.values():
                same = other["name"] == wanted["name"] or other["endpoint"] == wanted["endpoint"]
                if same and other["name"] != name:
                    return False
            before = self._instances.pop(name, {})
            self._instances[wanted["name"]] = {
                "id": before.get("id") or next(self._numbers),
                "name": wanted["name"],
                "description": wanted.get("description", ""),
                "vendor": wanted["vendor"],
                "endpoint": wanted["endpoint"],
                "auth_mode": wanted.get("auth_mode", "NONE"),
                "auth_info": wanted.get("auth_info") or {},
                "enabled": wanted.get("enabled", False),
                "default": wanted.get("default", False),
                "insecure": wanted.get("insecure", False),
                "setup_timestamp": before.get("setup_timestamp") or times.seconds(times.now()),
                "status": "Unknown",
            }
            return True

    def remove(self, name):
        with self._lock:
            del self._instances[name]

    def ping(self, instance):
        """`instance`: one of these, or one that is only described. LabError: it is not well."""
        preheat_drivers.provider(self._version, instance).check_health()

    def driver(self, number):
        """For the instance of this id. LabError: there is none."""
        for instance in self.all():
            if instance["id"] == number:
                return preheat_drivers.provider(self._version, instance)
        raise LabError(f"no preheat instance has the id {number}")
