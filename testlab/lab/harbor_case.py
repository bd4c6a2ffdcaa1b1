"""Tests of the lab's own Harbor: it and its registry, nobody else."""

import json
import os
import tempfile
import unittest

from testlab.lab import formats
from testlab.lab.harbor.harbor import Harbor
from testlab.lab.harbor.service import Response, Service
from testlab.lab.harbor.versions import HARBOR_2_15
from testlab.lab.network import LoopbackNetwork
from testlab.lab.upload import upload


class HarborCase(unittest.TestCase):
    """A Harbor for each test, with the private project "team"."""

    version = HARBOR_2_15
    delays_s = (0, 0, 0)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.network = LoopbackNetwork()
        self.harbor = self.make_harbor(folder.name)
        self.addCleanup(self.harbor.close)
        self.harbor.registry.start()
        self.addCleanup(self.harbor.registry.stop)
        self.harbor.projects.add("team")
        self.admin = self.harbor.account_view(self.harbor.admin)

    def make_harbor(self, folder):
        host = self.network.add_host("harbor")
        paths = os.path.join(folder, "harbor"), os.path.join(folder, "harbor.log")
        own_ip = self.network.own_ip
        return Harbor(own_ip, host, *paths, version=self.version, delays_s=self.delays_s)

    def push(self, repository="team/app", tag="v1"):
        made = formats.make_flat_image(f"{self.id()}/{repository}:{tag}", [b"layer"])
        upload(self.admin, repository, made, tag)
        return made

    def ask(self, method, path, value=None, expected=200, login=None):
        """Harbor's API; the answer's value, or None. Without `login`: as an administrator."""
        headers = {**(login or self.admin.authorization()), "Content-Type": "application/json"}
        body = None if value is None else json.dumps(value)
        answer = self.harbor.place.send(method, f"/api/v2.0{path}", body, headers)
        self.assertEqual(answer.status, expected, answer.text)
        is_json = answer.headers.get_content_type() == "application/json"
        return json.loads(answer.body) if answer.body and is_json else None


class Hearer:
    """Notes what is sent to it, and answers as `answer(request)` does; 200 without one."""

    def __init__(self, case, answer=lambda _: Response(200)):
        self.heard = []  # (path, headers, body)
        self._answer = answer
        service = Service(case.network.own_ip)
        case.addCleanup(service.close)
        service.add("/", self._hear)
        self.url = service.place.url

    def _hear(self, request):
        body = request.text()
        self.heard.append((request.path, request.headers, body))
        return self._answer(request)

    def bodies(self, path):
        """What came to a path, as JSON."""
        return [json.loads(body) for asked, _, body in self.heard if asked == path]
