"""Webhook policies of a project."""

from testlab.lab.harbor import payloads
from testlab.lab.harbor.api import Refusal, done
from testlab.lab.harbor.service import json_response
from testlab.lab.harbor.webhooks import EVENT_TYPES

_POLICIES = "/projects/{project}/webhook/policies"
_POLICY = _POLICIES + "/{policy}"


class WebhooksApi:
    """`webhooks`: Webhooks."""

    def __init__(self, api, version, webhooks):
        self._version = version
        self._webhooks = webhooks
        events = "/projects/{project}/webhook/events"
        api.add("GET", events, self._abilities, needs="notification-policy:read")
        api.add("GET", _POLICIES, self._list, needs="notification-policy:list")
        api.add("POST", _POLICIES, self._create, needs="notification-policy:create")
        api.add("GET", _POLICY, self._get, needs="notification-policy:read")
        api.add("PUT", _POLICY, self._update, needs="notification-policy:update")
        api.add("DELETE", _POLICY, self._delete, needs="notification-policy:delete")
        if version.has_cloud_events:
            executions = _POLICY + "/executions"
            api.add("GET", executions, self._executions, needs="notification-policy:list")

    def _abilities(self, _):
        abilities = {"event_type": list(EVENT_TYPES), "notify_type": ["http", "slack"]}
        if self._version.has_cloud_events:
            abilities["payload_formats"] = [
                {"notify_type": "http", "formats": [payloads.CLOUD_EVENTS, payloads.DEFAULT]},
                {"notify_type": "slack", "formats": [payloads.DEFAULT]},
            ]
        return json_response(200, abilities)

    def _list(self, call):
        return call.page(self._webhooks.policies(call.project))

    def _find(self, call):
        policy = self._webhooks.policy(call.project, call.number("policy"))
        if not policy:
            raise Refusal(404, "webhook policy not found")
        return policy

    def _get(self, call):
        return json_response(200, self._find(call))

    def _create(self, call):
        policy = self._webhooks.put(call.project, self._wanted(call))
        if not policy:
            raise Refusal(409, "webhook policy already exists")
        return done(201, {"Location": f"{call.request.path}/{policy['id']}"})

    def _update(self, call):
        number = self._find(call)["id"]
        if not self._webhooks.put(call.project, self._wanted(call), number):
            raise Refusal(409, "webhook policy already exists")
        return done()

    @staticmethod
    def _wanted(call):
        value = call.value("name", "event_types", "targets")
        unknown = set(value["event_types"]) - set(EVENT_TYPES)
        if unknown or not value["event_types"] or not value["targets"]:
            raise Refusal(400, f"event types {sorted(unknown)} are not supported")
        return value

    def _delete(self, call):
        self._webhooks.remove(call.project, self._find(call)["id"])
        return done()

    def _executions(self, call):
        return call.page(self._webhooks.executions(self._find(call)["id"]))
