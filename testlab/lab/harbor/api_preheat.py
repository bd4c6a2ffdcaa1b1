"""P2P preheat: instances of the system, policies and executions of a project."""

from testlab.lab.errors import LabError
from testlab.lab.harbor.api import Refusal, done
from testlab.lab.harbor.service import json_response

_INSTANCES = "/p2p/preheat/instances"
_INSTANCE = _INSTANCES + "/{instance}"
_POLICIES = "/projects/{project}/preheat/policies"
_POLICY = _POLICIES + "/{policy}"
_EXECUTIONS = _POLICY + "/executions"
_EXECUTION = _EXECUTIONS + "/{execution}"


class InstancesApi:
    """`instances`: Instances; `preheat`: Preheat, whose policies use them."""

    def __init__(self, api, instances, preheat):
        self._instances = instances
        self._preheat = preheat
        system = "system/preheat-instance:"
        api.add("POST", _INSTANCES + "/ping", self._ping, needs=system + "read")
        api.add("GET", _INSTANCES, self._list, needs=system + "list")
        api.add("POST", _INSTANCES, self._create, needs=system + "create")
        api.add("GET", _INSTANCE, self._get, needs=system + "read")
        api.add("PUT", _INSTANCE, self._update, needs=system + "update")
        api.add("DELETE", _INSTANCE, self._delete, needs=system + "delete")
        api.add("GET", "/p2p/preheat/providers", self._providers, needs="")

    def _providers(self, _):
        return json_response(
            200, [{"id": name, "name": name.capitalize()} for name in ("dragonfly", "kraken")]
        )

    def _list(self, call):
        return call.page([_without_secrets(instance) for instance in self._instances.all()])

    def _find(self, call):
        instance = self._instances.find(call.argument("instance"))
        if not instance:
            raise Refusal(404, "preheat instance not found")
        return instance

    def _get(self, call):
        return json_response(200, _without_secrets(self._find(call)))

    def _create(self, call):
        value = call.value("name", "vendor", "endpoint")
        if not self._instances.put(value):
            raise Refusal(409, "preheat instance already exists")
        return done(201, {"Location": f"{call.request.path}/{value['name']}"})

    def _update(self, call):
        instance = self._find(call)
        value = {**instance, **call.value("name")}
        if value["vendor"] != instance["vendor"]:
            raise Refusal(400, "the vendor can't change")
        if not value["enabled"] and self._preheat.uses(instance):
            raise Refusal(412, "the instance is used by a policy")
        if not self._instances.put(value, instance["name"]):
            raise Refusal(409, "preheat instance already exists")
        return done()

    def _delete(self, call):
        instance = self._find(call)
        if self._preheat.uses(instance):
            raise Refusal(412, "the instance is used by a policy")
        self._instances.remove(instance["name"])
        return done()

    def _ping(self, call):
        """Of one that is there, by its id, or of one that is described whole."""
        value = call.value()
        known = [one for one in self._instances.all() if one["id"] == value.get("id")]
        instance = known[0] if known else {"auth_mode": "NONE", **value}
        if not instance.keys() >= {"vendor", "endpoint"}:
            raise Refusal(404, "preheat instance not found")
        try:
            self._instances.ping(instance)
        except LabError as error:
            raise Refusal(500, str(error)) from error
        return done()


class PoliciesApi:
    """`preheat`: Preheat."""

    def __init__(self, api, preheat):
        self._preheat = preheat
        api.add("GET", _POLICIES, self._list, needs="preheat-policy:list")
        api.add("POST", _POLICIES, self._create, needs="preheat-policy:create")
        api.add("GET", _POLICY, self._get, needs="preheat-policy:read")
        api.add("PUT", _POLICY, self._update, needs="preheat-policy:update")
        api.add("DELETE", _POLICY, self._delete, needs="preheat-policy:delete")
        api.add("POST", _POLICY, self._run, needs="preheat-policy:update")
        api.add("GET", _EXECUTIONS, self._executions, needs="preheat-policy:read")
        api.add("GET", _EXECUTION, self._execution, needs="preheat-policy:read")
        api.add("PATCH", _EXECUTION, self._stop, needs="preheat-policy:update")
        api.add("GET", _EXECUTION + "/tasks", self._tasks, needs="preheat-policy:read")

    def _list(self, call):
        return call.page(self._preheat.policies(call.project))

    def _find(self, call):
        policy = self._preheat.policy(call.project, call.argument("policy"))
        if not policy:
            raise Refusal(404, "preheat policy not found")
        return policy

    def _get(self, call):
        return json_response(200, self._find(call))

    def _create(self, call):
        value = call.value("name", "provider_id", "filters", "trigger")
        if not self._preheat.put_policy(call.project, value, is_new=True):
            raise Refusal(409, "preheat policy already exists")
        return done(201, {"Location": f"{call.request.path}/{value['name']}"})

    def _update(self, call):
        value = {**self._find(call), **call.value("name")}
        if not self._preheat.put_policy(call.project, value, is_new=False):
            raise Refusal(404, "preheat policy not found")
        return done()

    def _delete(self, call):
        self._preheat.remove_policy(call.project, self._find(call)["name"])
        return done()

    def _run(self, call):
        execution = self._preheat.run(call.project, self._find(call))
        path = f"{call.request.path}/executions/{execution['id']}"
        return done(201, {"Location": path})

    def _executions(self, call):
        found = self._preheat.executions(self._find(call))
        return call.page([_without_tasks(execution) for execution in found])

    def _find_execution(self, call):
        for execution in self._preheat.executions(self._find(call)):
            if execution["id"] == call.number("execution"):
                return execution
        raise Refusal(404, "execution not found")

    def _execution(self, call):
        return json_response(200, _without_tasks(self._find_execution(call)))

    def _stop(self, call):
        if call.value("status")["status"] != "Stopped":
            raise Refusal(400, "it can only be stopped")
        self._preheat.stop(self._find_execution(call))
        return done()

    def _tasks(self, call):
        return call.page(self._find_execution(call)["tasks"])


def _without_secrets(instance):
    return {**instance, "auth_info": {}}


def _without_tasks(execution):
    return {name: value for name, value in execution.items() if name != "tasks"}
