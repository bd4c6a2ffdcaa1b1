"""Tests of an agent as a registry: a real registry behind it, and what its answers look like."""

import json
import os
import random
import tempfile
import unittest

from testlab.lab import formats
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS
from testlab.lab.small import BackedCluster
from testlab.lab.upload import upload
from tools.oci import layout

REPOSITORY = "conformance/repo1"
_TIMEOUT_S = 60


class AgentCase(unittest.TestCase):
    """A cluster, the same for all tests of a class; its first agent, if it has any."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(folder.cleanup)
        cls.cluster = cls.make_cluster(LoopbackNetwork(), folder.name, PROGRAMS)
        cls.addClassCleanup(cls.cluster.close)
        cls.configure(cls.cluster)
        cls.cluster.start()
        cls.agent = cls.cluster.agents[0].registry if cls.cluster.agents else None

    @classmethod
    def make_cluster(cls, network, folder, programs):
        """For those who need another one."""
        return BackedCluster(network, folder, programs, ["agent"])

    @classmethod
    def configure(cls, cluster):
        """Before the start: for those who derive from it."""

    @staticmethod
    def program(name):
        """The path of one of our programs."""
        return os.path.abspath(PROGRAMS[name])

    def push(self, made, tag=None):
        upload(self.cluster.registry, REPOSITORY, made, tag)
        return made

    def push_blob(self, content):
        """Pushes a blob that nobody has asked for; returns its path at the agent."""
        digest = layout.sha256_digest(content)
        self.push(formats.Made((), {digest: content}))
        return f"/v2/{REPOSITORY}/blobs/{digest}"

    def noise(self, size):
        """Other bytes for each test."""
        return random.Random(self.id()).randbytes(size)

    def send(self, method, path, headers=None, body=None, timeout_s=_TIMEOUT_S):
        answer = self.agent.send(method, path, body, headers, timeout_s)
        if method == "HEAD":
            self.assertEqual(answer.body, b"")
        return answer

    def check_content(self, answer, content, media_type=None):
        """The whole of it, by GET or HEAD."""
        self.assertEqual(answer.status, 200, answer.text[:500])
        self.assertEqual(answer.headers["Content-Length"], str(len(content)))
        self.assertEqual(answer.headers["Docker-Content-Digest"], layout.sha256_digest(content))
        self.assertNotIn("Content-Encoding", answer.headers)
        self.assertIn(answer.body, (content, b""))
        if media_type:
            self.assertEqual(answer.headers["Content-Type"], media_type)

    def check_error(self, answer, statuses, codes, method="GET"):
        """{"errors": [{"code", "message"}]}"""
        self.assertIn(answer.status, statuses, answer.text[:500])
        self.assertEqual(answer.headers.get_content_type(), "application/json")
        if method == "HEAD":
            return
        errors = json.loads(answer.body)["errors"]
        self.assertGreaterEqual(len(errors), 1)
        for error in errors:
            self.assertRegex(error["code"], "^[A-Z_]+$")
            self.assertLessEqual(set(error), {"code", "message", "detail"})
            self.assertIsInstance(error.get("message", ""), str)
        self.assertIn(errors[0]["code"], codes)
