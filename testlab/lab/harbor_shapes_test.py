"""The lab's own Harbor answers and sends what the bridge's golden bodies say Harbor does."""

import json
import os
import unittest

from testlab.lab import formats, wait
from testlab.lab.harbor import versions
from testlab.lab.harbor.service import json_response
from testlab.lab.harbor_case import HarborCase, Hearer
from testlab.lab.upload import upload

_BODIES = "harbor_bridge/harbor/testdata/harbor_json_corpus"
_EVENTS = "harbor_bridge/event/testdata/golden"
_JOBS = "harbor_bridge/event/testdata/preheat_job_corpus"
_TIMEOUT_S = 30
_ALL = ["PUSH_ARTIFACT", "DELETE_ARTIFACT"]


def golden(folder, name):
    with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def strangers(known, seen, path=""):
    """Where something has a member, or a type, that the golden body has not."""
    if known is None or seen is None:
        return []
    if type(known) is not type(seen):
        return [f"{path}: {seen!r} instead of something like {known!r}"]
    if isinstance(known, dict):
        return [
            problem
            for name, value in seen.items()
            for problem in (
                strangers(known[name], value, f"{path}.{name}")
                if name in known
                else [f"{path}.{name}: no such member"]
            )
        ]
    if isinstance(known, list) and known and seen:
        example = _merged(known)
        return [problem for item in seen for problem in strangers(example, item, path + "[]")]
    return []


def _merged(items):
    """One item with all members that any of them has."""
    if not isinstance(items[0], dict):
        return items[0]
    merged = {}
    for item in items:
        for name, value in item.items():
            if merged.get(name) is None:
                merged[name] = value
    return merged


class StrangersTest(unittest.TestCase):
    def test_it_finds_what_differs(self):
        known = [{"a": 1, "b": [{"c": ""}]}, {"d": True}]
        self.assertEqual(strangers(known, [{"a": 2, "d": False, "b": None}]), [])
        self.assertEqual(strangers(known, [{"e": 2}]), ["[].e: no such member"])
        self.assertEqual(len(strangers(known, [{"a": "2"}, {"a": True}, {"b": [{"c": 1}]}])), 3)


class HarborShapesTest(HarborCase):
    """Harbor 2.15."""

    def check(self, name, path, **arguments):
        self.assertEqual(strangers(golden(_BODIES, name), self.ask("GET", path, **arguments)), [])

    def test_what_there_is(self):
        made = formats.make_index("shapes", formats.OCI)
        upload(self.admin, "team/a/b", made, "v1")
        self.check("health", "/health")
        self.check("systeminfo", "/systeminfo")
        self.check("projects", "/projects")
        self.check("repositories", "/projects/team/repositories")
        self.check("artifacts", "/projects/team/artifacts")
        # An index, without its children.
        path = "/projects/team/repositories/a%252Fb/artifacts"
        self.assertEqual(len(self.ask("GET", path)), 1)
        self.check("artifacts", path)
        self.assertEqual(len(self.ask("GET", f"{path}/v1")["references"]), 2)
        self.check("error", "/projects/team/repositories/a%2Fb/artifacts", expected=404)
        self.check("error", "/projects/nowhere", expected=404)

    def test_webhooks(self):
        hearer = Hearer(self)
        for payload_format in ("CloudEvents", "Default"):
            self.ask(
                *("POST", "/projects/team/webhook/policies"),
                {
                    "name": payload_format,
                    "enabled": True,
                    "event_types": _ALL,
                    "targets": [
                        {
                            "type": "http",
                            "address": f"{hearer.url}/{payload_format}",
                            "payload_format": payload_format,
                        }
                    ],
                },
                expected=201,
            )
        self.check("webhook_events", "/projects/team/webhook/events")
        self.check("webhook_policies", "/projects/team/webhook/policies")
        made = self.push()
        self.ask("DELETE", f"/projects/team/repositories/app/artifacts/{made.root.digest}")
        wait.until("two pushes and a deletion, twice", lambda: len(hearer.heard) == 6, _TIMEOUT_S)
        for payload_format, pushed in (
            ("CloudEvents", "webhook_ce_push"),
            ("Default", "webhook_push"),
        ):
            for body in hearer.bodies(f"/{payload_format}"):
                # All of it, and nothing else.
                self.assertEqual(strangers(golden(_EVENTS, pushed), body), [])
                self.assertEqual(strangers(body, golden(_EVENTS, pushed)), [])
        for policy in self.ask("GET", "/projects/team/webhook/policies"):
            path = f"/projects/team/webhook/policies/{policy['id']}/executions"
            wait.until("the ends", lambda p=path: _all_ended(self.ask("GET", p)), _TIMEOUT_S)
            self.check("executions", path)

    def test_robots(self):
        scope = {
            "kind": "project",
            "namespace": "*",
            "access": [{"resource": "artifact", "action": "list"}],
        }
        robot = {"name": "kraken", "level": "system", "duration": -1, "permissions": [scope]}
        created = self.ask("POST", "/robots", robot, expected=201)
        self.assertEqual(strangers(golden(_BODIES, "created_robot"), created), [])
        self.check("robots", "/robots")

    def test_preheat_by_jobs(self):
        hearer = Hearer(self, lambda request: json_response(200, {"id": 1, "state": "SUCCESS"}))
        self.run_preheat("dragonfly", hearer)
        (job,) = hearer.bodies("/oapi/v1/jobs")
        self.assertEqual(strangers(golden(_JOBS, "image"), job), [])
        self.assertEqual(strangers(job, golden(_JOBS, "image")), [])

    def run_preheat(self, vendor, hearer):
        """An instance, a policy, and an execution to its end."""
        self.push()
        instance = {"name": "p2p", "vendor": vendor, "endpoint": hearer.url, "enabled": True}
        self.ask("POST", "/p2p/preheat/instances", instance, expected=201)
        self.ask("POST", "/p2p/preheat/instances/ping", instance)
        self.check("preheat_instances", "/p2p/preheat/instances")
        (made,) = self.ask("GET", "/p2p/preheat/instances")
        policy = {
            "name": "all",
            "provider_id": made["id"],
            "enabled": True,
            "filters": json.dumps([{"type": "tag", "value": "**"}]),
            "trigger": json.dumps({"type": "manual"}),
        }
        policies = "/projects/team/preheat/policies"
        self.ask("POST", policies, policy, expected=201)
        self.check("preheat_policies", policies)
        self.ask("POST", f"{policies}/all", {}, expected=201)
        executions = f"{policies}/all/executions"
        wait.until("its end", lambda: _all_ended(self.ask("GET", executions)), _TIMEOUT_S)
        self.check("executions", executions)
        (execution,) = self.ask("GET", executions)
        self.assertEqual(execution["status"], "Success")
        self.check("tasks", f"{executions}/{execution['id']}/tasks")


class OldHarborShapesTest(HarborShapesTest):
    """Harbor 2.6: the Kraken driver, no CloudEvents."""

    version = versions.HARBOR_2_6

    def test_what_there_is(self):
        self.push()
        self.check("error", "/projects/team/artifacts", expected=404)
        self.check("artifacts", "/projects/team/repositories/app/artifacts")
        self.assertNotIn("payload_formats", self.ask("GET", "/projects/team/webhook/events"))

    def test_webhooks(self):
        """None of them knows another format than Harbor's own."""
        hearer = Hearer(self)
        target = {"type": "http", "address": hearer.url + "/", "payload_format": "CloudEvents"}
        policy = {"name": "p", "enabled": True, "event_types": _ALL, "targets": [target]}
        self.ask("POST", "/projects/team/webhook/policies", policy, expected=201)
        (shown,) = self.ask("GET", "/projects/team/webhook/policies")
        self.assertNotIn("payload_format", shown["targets"][0])
        self.push()
        wait.until("two pushes", lambda: len(hearer.heard) == 2, _TIMEOUT_S)
        for body in hearer.bodies("/"):
            self.assertEqual(strangers(golden(_EVENTS, "webhook_push"), body), [])

    def test_preheat_by_jobs(self):
        hearer = Hearer(self)
        self.run_preheat("kraken", hearer)
        (told,) = hearer.bodies("/registry/notifications")
        self.assertEqual(strangers(golden(_EVENTS, "registry_kraken_preheat"), told), [])
        self.assertEqual(strangers(told, golden(_EVENTS, "registry_kraken_preheat")), [])


def _all_ended(executions):
    return all(execution["status"] != "Running" for execution in executions)


if __name__ == "__main__":
    unittest.main()
