"""Six Harbors, four of them faulty: the others are not delayed, and each fault is named.

  harbor_faults_test.py --program=NAME=PATH...
"""

import json
import random
import re
import time

from testlab.lab import formats, process, wait
from testlab.lab.agent_case import AgentCase
from testlab.lab.harbor.several import AUTHORIZATION, PROJECT, WELL, SeveralHarbors
from testlab.lab.program_case import main
from testlab.lab.upload import upload

_TIMEOUT_S = 90
_IMAGES = 6
_LAYERS = 3
_LAYER_BYTES = 20_000
# More than all slots of all Harbors together: lanes that were not apart would be full of them.
_EVENTS = 60
# `work.concurrency`
_SLOTS = 8
# A job of the silent Harbor ends after a minute (harbors[].registry.timeout) at the earliest: a
# lane that waited for one of its slots would be so late.
_LATE_S = 20
# What each faulty Harbor is to be called, what its error says, and what the doctor advises.
_FAULTS = {
    "stranger": ("certificate", "certificate does not verify", "security.tls.cas"),
    "expired": ("credentials", "401", "expired"),
    "down": ("unreachable", "refused", "firewall"),
    "silent": ("silent", "no answer within", "overloaded"),
}


class HarborFaultsTest(AgentCase):
    @classmethod
    def make_cluster(cls, network, folder, programs):
        return SeveralHarbors(network, folder, programs)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bridge = cls.cluster.bridge
        cls.alone_s = cls.push_images("alone")
        cls.cluster.know([*WELL, *_FAULTS])
        cls.bridge.end(_TIMEOUT_S)
        cls.bridge.start().wait_until_ready()
        for name in _FAULTS:
            for number in range(_EVENTS):
                cls.tell(name, f"{PROJECT}/app{number}")

    @classmethod
    def push_images(cls, run):
        """To each Harbor that is well, one after the other; how long each took to be warm."""
        took = []
        for number in range(_IMAGES):
            for name in WELL:
                harbor = cls.cluster.harbors[name]
                repository = f"{PROJECT}/{run}"
                source = random.Random(f"{run}/{name}/{number}")
                layers = [source.randbytes(_LAYER_BYTES) for _ in range(_LAYERS)]
                made = formats.make_flat_image(f"{run}/{name}/{number}", layers)
                begin = time.monotonic()
                upload(harbor.account_view(harbor.admin), repository, made, f"v{number}")
                cls.cluster.wait_until_warm(made, _TIMEOUT_S)
                took.append(time.monotonic() - begin)
        return took

    @classmethod
    def tell(cls, name, repository):
        """An event of a Harbor that can't tell of it itself."""
        resource = {"digest": "sha256:" + "0" * 64, "tag": "v1"}
        data = {"resources": [resource], "repository": {"repo_full_name": repository}}
        event = {"type": "PUSH_ARTIFACT", "occur_at": 1, "operator": "lab", "event_data": data}
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        answer = cls.bridge.place.send("POST", f"/{name}/webhook", json.dumps(event), headers)
        assert 200 <= answer.status < 300, answer.text

    def harbors(self):
        """{name: what the page is told of it}"""
        answer = self.bridge.place.get("/api/v1/harbors")
        return {entry["name"]: entry for entry in json.loads(answer.body)["harbors"]}

    def test_the_others_are_not_delayed(self):
        wait.until(
            "the silent Harbor's slots to be taken",
            lambda: self.harbors()["silent"]["running"] == _SLOTS,
            _TIMEOUT_S,
        )
        with_faults_s = self.push_images("beside")
        now = self.harbors()
        print(
            f"push -> warm, {len(with_faults_s)} images: alone at most {max(self.alone_s):.2f} s, "
            f"beside four faulty Harbors at most {max(with_faults_s):.2f} s",
            flush=True,
        )
        self.assertLess(max(with_faults_s), max(self.alone_s) * 3 + _LATE_S)
        # There was somebody to wait for to the end.
        self.assertGreater(now["silent"]["pending"], 0)
        self.assertEqual(now["silent"]["done"], 0)
        for name in ("stranger", "expired", "down"):
            self.assertGreater(now[name]["failed"], 0, name)

    def test_the_page_names_each_fault(self):
        wait.until(
            "all Harbors to be known",
            lambda: all(one["health"] != "unknown" for one in self.harbors().values()),
            _TIMEOUT_S,
        )
        found = self.harbors()
        for name in WELL:
            self.assertEqual(found[name]["health"], "ok", found[name])
            self.assertNotIn("fault", found[name])
        for name, (fault, cause, cure) in _FAULTS.items():
            with self.subTest(harbor=name):
                print(f"{name}: {found[name]['problem']}; {found[name]['cure']}", flush=True)
                self.assertEqual((found[name]["health"], found[name]["fault"]), ("bad", fault))
                self.assertRegex(found[name]["problem"], cause)
                self.assertIn(cure, found[name]["cure"])

    def test_metrics_name_each_fault(self):
        expected = {(name, fault): 1 for name, (fault, _, _) in _FAULTS.items()}
        faults = [fault for fault, _, _ in _FAULTS.values()] + ["failing"]
        everything = {
            (name, fault): expected.get((name, fault), 0)
            for name in (*WELL, *_FAULTS)
            for fault in faults
        }

        def seen():
            now = self.bridge.metrics()
            found = {
                (name, fault): now.total("kraken_bridge_harbor_fault", harbor=name, fault=fault)
                for name, fault in everything
            }
            up = {
                name: now.total("kraken_bridge_harbor_up", harbor=name)
                for name in (*WELL, *_FAULTS)
            }
            return found == everything and all(up[name] == (name in WELL) for name in up)

        wait.until("metrics that name each fault", seen, _TIMEOUT_S)

    def test_the_doctor_names_each_fault(self):
        """In one run, one Harbor after the other."""
        command = [self.program("harbor-bridge"), "doctor", f"--config={self.bridge.config_path}"]
        done = process.run(self.bridge.host, command, _TIMEOUT_S, check=False)
        print(done.stdout, flush=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        parts = re.split(r"^Harbor (\w+):$", done.stdout, flags=re.MULTILINE)
        told = dict(zip(parts[1::2], parts[2::2], strict=True))
        self.assertEqual(list(told), [*WELL, *_FAULTS])
        for name in WELL:
            self.assertNotIn("FAIL", told[name])
            self.assertIn("ok    pull: may pull", told[name])
        for name, (_, cause, cure) in _FAULTS.items():
            with self.subTest(harbor=name):
                failures = [line for line in told[name].splitlines() if line.startswith("FAIL")]
                self.assertTrue(failures)
                self.assertRegex(failures[-1], f"^FAIL  registry: .*({cause})")
                self.assertIn(cure, failures[-1])


if __name__ == "__main__":
    main()
