"""Certificates that are renewed, authority and all, while a cluster runs: nobody needs a restart.

  certificates_test.py --program=NAME=PATH...
"""

import dataclasses
import os
import shutil
import signal
import ssl
import tempfile
import unittest

from testlab.lab import certificates, formats, wait
from testlab.lab.bridged import BridgedCluster
from testlab.lab.network import LoopbackNetwork
from testlab.lab.program_case import PROGRAMS, main
from testlab.lab.upload import upload
from testlab.lab.web import Place, Tls

_REPOSITORY = "team/app"
_AGENTS = ("agent1", "agent2")
_TIMEOUT_S = 60
_END_S = 10
_IN_USE = "changed files are in use"
_NOT_IN_USE = "a changed file can't be used"


class CertificatesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(folder.cleanup)
        self.cluster = BridgedCluster(LoopbackNetwork(), folder.name, PROGRAMS, agents=_AGENTS)
        self.addCleanup(self.cluster.close)
        host = self.cluster.hosts["tracker"]
        # What all processes have in their configuration: these files change, the paths do not.
        self.tls = os.path.join(folder.name, "tls")
        self.old = os.path.join(folder.name, "old-tls")
        shutil.copytree(self.tls, self.old)
        self.new = os.path.join(folder.name, "new-tls")
        certificates.Authority(host, self.new).issue(certificates.NAME)
        self.cluster.start()
        self.started = {daemon.name: daemon.pid for daemon in self.daemons}

    @property
    def daemons(self):
        return [process for process in self.cluster.processes if hasattr(process, "config_path")]

    @property
    def servers(self):
        """(name, place) of everything that shows a certificate."""
        cluster = self.cluster
        for daemon in (*cluster.origins, cluster.tracker, cluster.build_index):
            yield daemon.name, daemon.place
            yield f"{daemon.name}, gRPC", Place(daemon.place.ip, daemon.grpc_port())
        for peer in (*cluster.origins, *cluster.agents):
            yield f"{peer.name}, peers", Place(peer.place.ip, peer.peer_port)

    def client(self, folder, authorities=None):
        """Who shows the certificate in one folder, and believes the authorities in another."""
        files = [os.path.join(folder, f"{certificates.NAME}.{end}") for end in ("pem", "key")]
        return Tls(os.path.join(authorities or folder, "ca.pem"), *files, certificates.NAME)

    def speak_as(self, client):
        """How the lab asks the processes from now on."""
        for daemon in self.daemons:
            if daemon.place.tls:
                daemon.place = dataclasses.replace(daemon.place, tls=client)

    def install(self, *folders, names):
        """Puts files where the processes find theirs; of several folders, all there is in them."""
        for name in names:
            content = b""
            for folder in folders:
                with open(os.path.join(folder, name), "rb") as file:
                    content += file.read()
            path = os.path.join(self.tls, name)
            with open(f"{path}.new", "wb") as file:
                file.write(content)
            os.rename(f"{path}.new", path)

    def reload(self, message):
        """Tells all processes, and waits until each has said so."""
        before = {daemon.name: daemon.log().count(message) for daemon in self.daemons}
        for daemon in self.daemons:
            daemon.signal(signal.SIGHUP)
        for daemon in self.daemons:
            daemon.until(
                f"the log to say {message!r}",
                lambda one=daemon: one.log().count(message) > before[one.name],
                _TIMEOUT_S,
            )

    def shown(self, place, client):
        """The certificate that a server shows, or None if it refuses the client's."""
        try:
            # In TLS 1.2 the server has judged the client when the handshake is over.
            with dataclasses.replace(place, tls=client.of_tls12()).connect().sock as connected:
                return connected.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError):
            return None

    def assert_shown(self, folder, client):
        path = os.path.join(folder, f"{certificates.NAME}.pem")
        with open(path, encoding="ascii") as file:
            expected = ssl.PEM_cert_to_DER_cert(file.read())
        for name, place in self.servers:
            with self.subTest(server=name):
                self.assertEqual(self.shown(place, client), expected)

    def push_and_pull(self, tag):
        """The whole way, with an image that nobody has seen."""
        made = formats.make_image(tag, formats.OCI)
        upload(self.cluster.registry, _REPOSITORY, made, tag)
        wait.until(
            "the origins to hold the image",
            lambda: all(one.holds(digest, size) for one, digest, size in self.cluster.copies(made)),
            _TIMEOUT_S,
        )
        for agent in self.cluster.agents:
            path = f"/v2/{_REPOSITORY}/manifests/{tag}"
            wait.until(
                f"{agent.name} to serve {tag}",
                lambda one=agent, path=path: one.registry.get(path).body == made.root.data,
                _TIMEOUT_S,
            )
            for digest, content in made.blobs.items():
                answer = agent.registry.get(f"/v2/{_REPOSITORY}/blobs/{digest}")
                self.assertEqual((answer.status, answer.body), (200, content), agent.name)

    def test_another_authority_without_a_restart(self):
        cluster = self.cluster
        self.push_and_pull("before")
        old_client = self.client(self.old)
        self.assert_shown(self.old, old_client)

        # 1. Everybody believes both authorities.
        self.install(self.old, self.new, names=["ca.pem"])
        self.reload(_IN_USE)
        # 2. Everybody is certified by the new one.
        self.install(self.new, names=["kraken.pem", "kraken.key"])
        self.reload(_IN_USE)
        self.speak_as(self.client(self.new))
        self.assert_shown(self.new, self.client(self.new))
        self.push_and_pull("between")
        # 3. Nobody believes the old one.
        self.install(self.new, names=["ca.pem"])
        self.reload(_IN_USE)
        self.assert_shown(self.new, self.client(self.new))
        stale = self.client(self.old, self.new)
        for name, place in self.servers:
            with self.subTest(server=name):
                self.assertIsNone(self.shown(place, stale))

        # Whoever connects from now on shows the new one: nothing is left of what was before.
        for daemon in (cluster.tracker, cluster.build_index, *cluster.origins):
            daemon.end(_END_S)
            daemon.start().wait_until_ready()
            del self.started[daemon.name]
        for daemon in (*cluster.agents, cluster.bridge):
            daemon.wait_until_ready()
        self.push_and_pull("after")
        for daemon in self.daemons:
            self.assertEqual(self.started.get(daemon.name, daemon.pid), daemon.pid, daemon.name)

    def test_what_is_broken_is_said_and_not_used(self):
        path = os.path.join(self.tls, "kraken.pem")
        ends = self.cluster.tracker.metrics().total(
            "kraken_tls_certificate_not_after_timestamp_seconds", end="server"
        )
        with open(path, "w", encoding="ascii") as file:
            file.write("nonsense")
        self.reload(_NOT_IN_USE)
        for daemon in self.daemons:
            self.assertIn(path, daemon.log())
        self.assert_shown(self.old, self.client(self.old))
        self.push_and_pull("broken")

        # What is there next time is used.
        self.install(self.old, names=["kraken.pem"])
        self.reload(_IN_USE)
        self.assertEqual(
            self.cluster.tracker.metrics().total(
                "kraken_tls_certificate_not_after_timestamp_seconds", end="server"
            ),
            ends,
        )


if __name__ == "__main__":
    main()
