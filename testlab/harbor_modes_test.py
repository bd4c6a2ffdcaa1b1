"""The bridge and Harbor 1.10, 2.6 and 2.15, as the lab's own Harbor is each of them.

The bridge registers itself, and Harbor does the rest: its webhooks alone make images warm,
deletions take them away, its preheat executions end well. What no event tells of is found by
reconciliation.

  harbor_modes_test.py --program=NAME=PATH...
"""

import json
import os
import random
import urllib.parse

from testlab.lab import formats, images, wait
from testlab.lab.agent_case import AgentCase
from testlab.lab.harbor import versions
from testlab.lab.harbor.registered import HUB, PROJECT, RegisteredCluster
from testlab.lab.program_case import main
from testlab.lab.skopeo import Skopeo
from testlab.lab.upload import upload

_TIMEOUT_S = 60
_LAYERS = 4
_LAYER_BYTES = 50_000
_ROUNDS = "kraken_bridge_reconcile_rounds_total"
_ACCEPT = {"Accept": ", ".join([formats.OCI.manifest, formats.OCI.index])}


class Cases:
    """What every Harbor can."""

    version = None
    authorization = "Bearer of-the-test"

    @classmethod
    def make_cluster(cls, network, folder, programs):
        return RegisteredCluster(network, folder, programs, cls.version, cls.authorization)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.harbor, cls.bridge = cls.cluster.harbor, cls.cluster.bridge
        cls.admin = cls.harbor.account_view(cls.harbor.admin)

    def push_image(self, repository, tag):
        """One of its own for each test."""
        source = random.Random(f"{self.id()}/{repository}:{tag}")
        layers = [source.randbytes(_LAYER_BYTES) for _ in range(_LAYERS)]
        made = formats.make_flat_image(f"{self.id()}/{tag}", layers)
        upload(self.admin, repository, made, tag)
        return made

    def wait_until_warm(self, made):
        self.cluster.wait_until_warm(made, _TIMEOUT_S)

    def told(self, repository, tag):
        """What the build-index says of a tag: (status, text)."""
        name = urllib.parse.quote(f"{repository}:{tag}", safe="")
        answer = self.cluster.build_index.place.get(f"/tags/{name}")
        return answer.status, answer.text if answer.status == 200 else ""

    def check_swarm_has(self, repository, tag, made):
        """All of it, without Harbor."""
        with self.harbor.out_of_order():
            self.assertEqual(self.told(repository, tag), (200, made.root.digest))
            answer = self.send("GET", f"/v2/{repository}/manifests/{tag}", _ACCEPT)
            self.check_content(answer, made.root.data)
            for digest, content in made.blobs.items():
                self.check_content(self.send("GET", f"/v2/{repository}/blobs/{digest}"), content)

    def test_a_push_is_warm_by_the_webhook_alone(self):
        """By skopeo, which authenticates as it is told to."""
        folder = os.path.join(self.cluster.folder, "image")
        image = images.make_noise_image(folder, "pushed", [300_000, 70_000])
        skopeo = Skopeo(os.path.join(self.cluster.folder, "skopeo"))
        repository = f"{PROJECT}/by/skopeo"
        skopeo.push(self.cluster.hosts["agent"], image, self.admin, f"{repository}:1")
        sizes = {**image.blobs, image.digest: image.manifest_bytes}
        for origin in self.cluster.origins:
            origin.until(
                "the image",
                lambda: all(origin.holds(*item) for item in sizes.items()),
                _TIMEOUT_S,
            )
        with self.harbor.out_of_order():
            self.assertEqual(self.told(repository, "1"), (200, image.digest))

    def test_tags_reach_the_registry_as_far_as_they_do(self):
        made = self.push_image(f"{PROJECT}/tagged", "1")
        login = self.registry_login()
        path = f"/v2/{PROJECT}/tagged/manifests/"
        by_tag = self.harbor.registry.place.get(path + "1", {**_ACCEPT, **login})
        by_digest = self.harbor.registry.place.get(path + made.root.digest, {**_ACCEPT, **login})
        self.assertEqual(by_digest.status, 200)
        self.assertEqual(by_tag.status, 200 if self.version.registry_has_tags else 404)

    def registry_login(self):
        if self.version.has_api:
            return self.harbor.registry.authorization()
        token = self.harbor.tokens.pull_token("test", f"{PROJECT}/tagged")
        return {"Authorization": f"Bearer {token}"}

    def test_an_index_is_warm_with_all_its_platforms(self):
        made = formats.make_index("platforms", formats.OCI)
        upload(self.admin, f"{PROJECT}/platforms", made, "1")
        self.wait_until_warm(made)
        self.check_swarm_has(f"{PROJECT}/platforms", "1", made)

    def test_the_doctor_finds_nothing(self):
        self.push_image(f"{PROJECT}/doctor", "1")
        told = self.cluster.command("doctor")
        print(told, flush=True)
        for line in told.splitlines():
            self.assertRegex(line, "^(ok|skip) ")
        self.assertIn("takes the credentials", told)
        if self.version.has_api:
            self.assertIn("ok    pull: may pull", told)
            self.assertIn("ok    round trip: Harbor reaches the bridge", told)

    def test_an_event_that_finds_no_bridge_comes_again(self):
        """Harbor tries three times."""
        self.bridge.kill()
        made = self.push_image(f"{PROJECT}/late", "1")
        self.bridge.start().wait_until_ready()
        self.wait_until_warm(made)

    def test_a_deleted_artifact_vanishes(self):
        repository = f"{PROJECT}/gone"
        made = self.push_image(repository, "1")
        self.wait_until_warm(made)
        with self.harbor.out_of_order():
            self.assertEqual(self.told(repository, "1"), (200, made.root.digest))
        self.delete(repository, made.root.digest)
        manifest = (made.root.digest, len(made.root.data))
        for origin in self.cluster.origins:
            origin.until("its end", lambda: not origin.holds(*manifest), _TIMEOUT_S)
        with self.harbor.out_of_order():
            # It may want to ask Harbor, and says that it can't.
            self.assertNotEqual(self.told(repository, "1")[0], 200)
        self.assertEqual(self.told(repository, "1")[0], 404)
        answer = self.send("GET", f"/v2/{repository}/manifests/1", _ACCEPT)
        self.assertEqual(answer.status, 404, answer.text)

    def delete(self, repository, digest):
        """At Harbor 1.10: the portal's way, too, ends so."""
        path = f"/v2/{repository}/manifests/{digest}"
        answer = self.harbor.place.send("DELETE", path, headers=self.admin.authorization())
        self.assertEqual(answer.status, 202, answer.text)


class ApiCases(Cases):
    """What Harbor can from 2.1 on."""

    vendor = None

    def ask(self, method, path, value=None, expected=200):
        """Harbor's API, as an administrator. The answer's value, or None."""
        headers = {**self.admin.authorization(), "Content-Type": "application/json"}
        body = None if value is None else json.dumps(value)
        answer = self.harbor.place.send(method, f"/api/v2.0{path}", body, headers)
        self.assertEqual(answer.status, expected, answer.text)
        return json.loads(answer.body) if answer.body else None

    def artifact_path(self, repository, digest):
        within = urllib.parse.quote(repository.partition("/")[2], safe="")
        # Escaped twice.
        return f"/projects/{PROJECT}/repositories/{urllib.parse.quote(within)}/artifacts/{digest}"

    def delete(self, repository, digest):
        self.ask("DELETE", self.artifact_path(repository, digest))
        # The registry has it until garbage is collected, but Harbor gives it out no more.
        path = f"/v2/{repository}/manifests/{digest}"
        login = {**_ACCEPT, **self.harbor.registry.authorization()}
        self.assertEqual(self.harbor.registry.place.get(path, login).status, 200)
        answer = self.harbor.place.get(path, {**_ACCEPT, **self.admin.authorization()})
        self.assertEqual(answer.status, 404)

    def test_to_register_again_changes_nothing(self):
        told = self.cluster.register()
        print(told, flush=True)
        self.assertIn("were right already", told)
        for line in told.splitlines():
            # Credentials can't be read back.
            if not line.startswith("done  write the credentials"):
                self.assertRegex(line, "^(ok|skip) ")

    def test_a_tag_that_no_event_tells_of_is_found(self):
        repository = f"{PROJECT}/a/promoted"
        made = self.push_image(repository, "candidate")
        self.wait_until_warm(made)
        self.reconcile(enabled=True, interval="1s", full_interval="1s")
        self.addCleanup(self.reconcile, enabled=False)
        wait.until("a round", self.rounds, _TIMEOUT_S)
        before = self.deliveries()
        path = self.artifact_path(repository, made.root.digest)
        self.ask("POST", f"{path}/tags", {"name": "stable"}, expected=201)
        image = f"{repository}:stable"
        wait.until("the job to be done", lambda: self.job_is_done(image), _TIMEOUT_S)
        with self.harbor.out_of_order():
            self.assertEqual(self.told(repository, "stable"), (200, made.root.digest))
        self.assertEqual(self.deliveries(), before)

    def reconcile(self, **section):
        """The bridge, started again with this."""
        self.bridge.end(_TIMEOUT_S)
        self.bridge.configure(reconcile=section)
        self.bridge.start().wait_until_ready()

    def rounds(self):
        return self.bridge.metrics().total(_ROUNDS, result="done")

    def deliveries(self):
        """How many events Harbor has ever sent."""
        policies = self.harbor.webhooks.policies(self.harbor.projects.find(PROJECT))
        return sum(len(self.harbor.webhooks.executions(policy["id"])) for policy in policies)

    def job_is_done(self, image):
        answer = self.bridge.place.get(f"/api/v1/jobs/{HUB}/{image}")
        return answer.status == 200 and json.loads(answer.body)["state"] == "done"

    def test_a_preheat_execution_ends_well(self):
        """In a project that sends no webhooks."""
        self.ask("POST", "/projects", {"project_name": "quiet"}, expected=201)
        made = self.push_image("quiet/app", "v1")
        self.push_image("quiet/app", "untouched")
        (instance,) = self.ask("GET", "/p2p/preheat/instances")
        self.assertEqual(instance["vendor"], self.vendor)
        policies = "/projects/quiet/preheat/policies"
        filters = [{"type": "repository", "value": "**"}, {"type": "tag", "value": "v*"}]
        policy = {
            "name": "releases",
            "project_id": self.harbor.projects.find("quiet").number,
            "provider_id": instance["id"],
            "enabled": True,
            "filters": json.dumps(filters),
            "trigger": json.dumps({"type": "manual", "trigger_setting": {"cron": ""}}),
        }
        self.ask("POST", policies, policy, expected=201)
        self.assertTrue(self.cluster.lacks(made))
        self.ask("POST", f"{policies}/releases", {"id": 1}, expected=201)
        execution = wait.until("its end", lambda: self.ended(policies), _TIMEOUT_S)
        tasks = self.ask("GET", f"{policies}/releases/executions/{execution['id']}/tasks")
        self.assertEqual([task["status"] for task in tasks], ["Success"], tasks)
        self.assertEqual(execution["status"], "Success")
        self.check_preheated(made)

    def ended(self, policies):
        (execution,) = self.ask("GET", f"{policies}/releases/executions")
        return execution if execution["status"] != "Running" else None

    def check_preheated(self, made):
        raise NotImplementedError


class Harbor110Test(Cases, AgentCase):
    """Tags are the registry's; webhooks were made by hand."""

    version = versions.HARBOR_1_10


class Harbor26Test(ApiCases, AgentCase):
    """Webhooks in Harbor's own format, preheat by the Kraken driver, which can't authenticate."""

    version = versions.HARBOR_2_6
    authorization = ""
    vendor = "kraken"

    def check_preheated(self, made):
        """That driver believes at once that all is done."""
        self.wait_until_warm(made)


class Harbor215Test(ApiCases, AgentCase):
    """CloudEvents, preheat by jobs of the Dragonfly driver, a registry without tags."""

    version = versions.HARBOR_2_15
    vendor = "dragonfly"

    def check_preheated(self, made):
        self.assertEqual(self.cluster.lacks(made), [])


if __name__ == "__main__":
    main()
