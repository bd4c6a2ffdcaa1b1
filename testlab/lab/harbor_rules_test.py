"""What the lab's own Harbor allows, repeats and refuses, as Harbor does."""

import unittest

from testlab.lab import wait
from testlab.lab.harbor import client, versions
from testlab.lab.harbor.service import Response
from testlab.lab.harbor_case import HarborCase, Hearer
from tools.oci import layout

_TIMEOUT_S = 30
_ACCEPT = {"Accept": layout.MANIFEST_TYPE}


class WebhookRulesTest(HarborCase):
    def put_policy(self, hearer, **changes):
        target = {"type": "http", "address": hearer.url + "/w", "auth_header": "Bearer t"}
        policy = {"name": "p", "enabled": True, "event_types": ["PUSH_ARTIFACT"]}
        policy |= {"targets": [target], **changes}
        self.ask("POST", "/projects/team/webhook/policies", policy, expected=201)
        return self.harbor.webhooks.policies(self.harbor.projects.find("team"))[-1]["id"]

    def statuses(self, number):
        path = f"/projects/team/webhook/policies/{number}/executions"
        return [execution["status"] for execution in self.ask("GET", path)]

    def test_three_attempts_then_an_error(self):
        hearer = Hearer(self, lambda _: Response(500))
        number = self.put_policy(hearer)
        self.push(tag=None)
        wait.until("its end", lambda: self.statuses(number) == ["Error"], _TIMEOUT_S)
        self.assertEqual(len(hearer.heard), 3)
        # The same each time.
        self.assertEqual(len({body for _, _, body in hearer.heard}), 1)
        self.assertEqual({headers["Authorization"] for _, headers, _ in hearer.heard}, {"Bearer t"})

    def test_an_attempt_that_succeeds_is_the_last(self):
        answers = iter([Response(503), Response(202)])
        hearer = Hearer(self, lambda _: next(answers))
        number = self.put_policy(hearer)
        self.push(tag=None)
        wait.until("its end", lambda: self.statuses(number) == ["Success"], _TIMEOUT_S)
        self.assertEqual(len(hearer.heard), 2)

    def test_only_what_was_asked_for_is_sent(self):
        hearer = Hearer(self)
        number = self.put_policy(hearer)
        self.put_policy(hearer, name="off", enabled=False)
        made = self.push(tag=None)
        path = f"/projects/team/repositories/app/artifacts/{made.root.digest}"
        self.ask("POST", f"{path}/tags", {"name": "promoted"}, expected=201)
        self.ask("DELETE", f"{path}/tags/promoted")
        self.ask("DELETE", path)
        self.push(repository="team/other", tag=None)
        wait.until("two ends", lambda: self.statuses(number) == ["Success"] * 2, _TIMEOUT_S)
        self.assertEqual(len(hearer.heard), 2)


class ApiRulesTest(HarborCase):
    def test_who_may_what(self):
        accounts = self.harbor.accounts
        self.push()
        stranger = {"Authorization": "Basic eDp5"}
        puller = accounts.add_robot("puller").authorization()
        self.ask("GET", "/projects/team/artifacts", expected=401, login=stranger)
        self.ask("GET", "/projects/team/artifacts", expected=403, login=puller)
        self.ask("GET", "/users/current", expected=412, login=puller)
        self.ask("GET", "/robots", expected=403, login=puller)
        self.assertEqual(self.ask("GET", "/projects", login=stranger), [])
        self.assertNotIn("harbor_version", self.ask("GET", "/systeminfo", login=stranger))
        self.ask("POST", "/p2p/preheat/instances", {}, expected=422)
        # Who sends back the session's cookie needs a token too.
        cookie = {**self.admin.authorization(), "Cookie": "sid=0123456789abcdef"}
        self.ask("POST", "/projects", {"project_name": "x"}, expected=403, login=cookie)

    def test_pages(self):
        for number in range(25):
            self.harbor.projects.add(f"p{number}")
        self.assertEqual(len(self.ask("GET", "/projects?page=3")), 6)
        self.ask("GET", "/projects?page_size=101", expected=422)
        answer = self.harbor.place.get("/api/v2.0/projects", self.admin.authorization())
        self.assertEqual(answer.headers["X-Total-Count"], "26")
        self.assertIn('rel="next"', answer.headers["Link"])

    def test_names_are_taken_once(self):
        instance = {"name": "a", "vendor": "kraken", "endpoint": "http://127.0.0.1:1"}
        self.ask("POST", "/p2p/preheat/instances", instance, expected=201)
        self.ask("POST", "/p2p/preheat/instances", {**instance, "name": "b"}, expected=409)
        self.ask("POST", "/p2p/preheat/instances/ping", instance, expected=500)
        self.ask("DELETE", "/p2p/preheat/instances/a")

    def test_core_lists_tags_and_referrers(self):
        self.push(tag="b")
        self.push(tag="a")
        answer = client.by_basic(
            self.harbor.place, "/v2/team/app/tags/list?n=1", self.harbor.admin, {}
        )
        self.assertEqual(answer.text, '{"name": "team/app", "tags": ["a"]}')
        self.assertIn("last=a", answer.headers["Link"])
        path = "/v2/team/app/referrers/sha256:" + "0" * 64
        index = client.by_basic(self.harbor.place, path, self.harbor.admin, {})
        self.assertEqual((index.status, index.headers["Content-Type"]), (200, layout.INDEX_TYPE))


class OldHarborTest(HarborCase):
    """1.10: no such API; the registry tells core of pushes, and core its webhooks."""

    version = versions.HARBOR_1_10

    def test_the_registry_keeps_tags_and_tells_of_them(self):
        hearer = Hearer(self)
        self.ask("GET", "/ping", expected=404)
        target = {"type": "http", "address": hearer.url + "/"}
        policy = {"name": "p", "enabled": True, "event_types": ["PUSH_ARTIFACT"]}
        self.harbor.webhooks.put(
            self.harbor.projects.find("team"), {**policy, "targets": [target]}
        )
        made = self.push()
        wait.until("the push", lambda: hearer.heard, _TIMEOUT_S)
        (told,) = hearer.bodies("/")
        self.assertEqual(told["type"], "pushImage")
        self.assertEqual(told["event_data"]["resources"][0]["digest"], made.root.digest)
        path = "/v2/team/app/manifests/v1"
        answer = client.by_bearer(self.harbor.place, path, self.harbor.admin, _ACCEPT)
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
