"""Of the system: who is there, how it is, who asks."""

from testlab.lab.harbor import times
from testlab.lab.harbor.api import Refusal
from testlab.lab.harbor.service import Response, json_response


class SystemApi:
    """`place`: Harbor's own."""

    def __init__(self, api, version, place):
        self._version = version
        self._place = place
        api.add("GET", "/ping", self._ping)
        api.add("GET", "/health", self._health)
        api.add("GET", "/systeminfo", self._info)
        api.add("GET", "/users/current", self._current, needs="")

    def _ping(self, _):
        return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, b"Pong")

    def _health(self, _):
        names = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")
        components = [{"name": name, "status": "healthy"} for name in names]
        return json_response(200, {"status": "healthy", "components": components})

    def _info(self, call):
        info = {"auth_mode": "db_auth", "self_registration": False}
        if self._version.tells_strangers_its_version:
            info["harbor_version"] = self._version.stamp
        if not call.principal.is_anonymous:
            info |= {
                "harbor_version": self._version.stamp,
                "external_url": self._place.url,
                "registry_url": self._place.address,
                "read_only": False,
                "notification_enable": True,
                "has_ca_root": False,
                "registry_storage_provider_name": "filesystem",
                "current_time": times.text(times.now()),
            }
        return json_response(200, info)

    def _current(self, call):
        if call.principal.is_robot:
            raise Refusal(412, "get current user not available for robot")
        admin = call.principal.is_admin
        return json_response(200, {"username": call.principal.name, "sysadmin_flag": admin})
