"""What users expect of every process that speaks HTTP: access log, request ids, proxies, sockets.

Real processes, a real registry behind an agent, real clients (curl, where it is installed).

  http_front_test.py --program=NAME=PATH...
"""

import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

from testlab.lab import formats, wait
from testlab.lab.agent_case import REPOSITORY, AgentCase
from testlab.lab.daemons import EXIT_BAD_CONFIG, EXIT_OK, EXIT_PORT_TAKEN
from testlab.lab.program_case import main
from testlab.lab.web import Place
from tools.oci import layout

_TIMEOUT_S = 60
_ACCEPT = ", ".join([layout.INDEX_TYPE, layout.MANIFEST_TYPE])
_HAS_IPV6 = os.path.exists("/proc/net/if_inet6")
_SECRET = "hunter2"
_CREDENTIAL = {"Authorization": f"Basic {_SECRET}"}


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix-domain socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _get_unix(path, target):
    connection = _UnixConnection(path)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _short_folder(case):
    """One whose name leaves room for that of a socket."""
    folder = tempfile.TemporaryDirectory(prefix="kh")
    case.addCleanup(folder.cleanup)
    return folder.name


class AccessLogTest(AgentCase):
    """Each process of a cluster keeps one."""

    @classmethod
    def configure(cls, cluster):
        cls.daemons = [cluster.origin, cluster.tracker, cluster.build_index, *cluster.agents]
        for daemon in cls.daemons:
            log = {"encoding": "json", "access_log": cls._path(daemon)}
            daemon.configure(zap=log, http={"trusted_proxies": ["127.77.0.0/16"]})

    @staticmethod
    def _path(daemon):
        return os.path.join(daemon.folder, "access.log")

    def _lines(self, daemon, path=None):
        with open(path or self._path(daemon), encoding="utf-8") as file:
            text = file.read()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1:] == "\n"]

    def _line(self, daemon, **fields):
        """The only one with these fields, once it is there."""

        def found():
            lines = self._lines(daemon)
            return [line for line in lines if all(line.get(k) == v for k, v in fields.items())]

        lines = daemon.until(f"{fields} in its access log", found, _TIMEOUT_S)
        self.assertEqual(len(lines), 1, lines)
        return lines[0]

    def test_a_pull_leaves_a_line_for_each_request(self):
        made = self.push(formats.make_image("logged", formats.OCI), "logged")
        agent = self.cluster.agents[0]
        manifest = f"/v2/{REPOSITORY}/manifests/logged"
        headers = {"Accept": _ACCEPT, "User-Agent": "test/1", "X-Request-Id": "pull-1"}
        answer = self.send("GET", f"{manifest}?key={_SECRET}", {**headers, **_CREDENTIAL})
        self.check_content(answer, made.root.data)
        self.assertEqual(answer.headers["X-Request-Id"], "pull-1")
        line = self._line(agent, request_id="pull-1")
        expected = {
            "message": "request",
            "server": "registry",
            "client": "127.77.0.1",
            "method": "GET",
            "path": manifest,
            "status": 200,
            "sent_bytes": len(made.root.data),
            "received_bytes": 0,
            "user_agent": "test/1",
        }
        self.assertEqual({key: line.get(key) for key in expected}, {**expected, **self._client()})
        self.assertGreater(line["duration_us"], 0)
        self.assertNotIn("reason", line)
        digest, blob = max(made.blobs.items(), key=lambda item: len(item[1]))
        self.send("GET", f"/v2/{REPOSITORY}/blobs/{digest}", {"X-Request-Id": "pull-2"})
        self.assertEqual(self._line(agent, request_id="pull-2")["sent_bytes"], len(blob))
        made_id = self.send("GET", "/v2/").headers["X-Request-Id"]
        self.assertEqual(self._line(agent, request_id=made_id)["path"], "/v2/")
        with open(self._path(agent), encoding="utf-8") as file:
            self.assertNotIn(_SECRET, file.read())

    def _client(self):
        """Who we are to a process on an address of the loopback interface."""
        with self.agent.connect().sock as connected:
            return {"client": connected.getsockname()[0]}

    def test_every_process_has_one(self):
        for daemon in self.daemons:
            path = f"/nothing-{daemon.name}"
            answer = daemon.place.get(path, {"X-Request-Id": f"all-{daemon.name}"})
            self.assertEqual(answer.status, 404)
            self.assertEqual(answer.headers["X-Request-Id"], f"all-{daemon.name}")
            line = self._line(daemon, request_id=f"all-{daemon.name}")
            self.assertEqual((line["server"], line["path"]), ("http", path))
            metrics = daemon.metrics()
            self.assertGreater(metrics.total("kraken_access_log_written_lines_total"), 0)
            self.assertEqual(metrics.total("kraken_access_log_dropped_lines_total"), 0)

    def test_a_file_that_was_renamed_is_opened_anew_on_sighup(self):
        for daemon in self.daemons:
            self.assertEqual(daemon.place.get("/health", {"X-Request-Id": "old"}).status, 200)
            self._line(daemon, request_id="old")
            path = self._path(daemon)
            os.rename(path, f"{path}.1")
            daemon.signal(signal.SIGHUP)
            daemon.until("a new file", lambda: os.path.exists(self._path(daemon)), _TIMEOUT_S)
            self.assertEqual(daemon.place.get("/health", {"X-Request-Id": "new"}).status, 200)
            self._line(daemon, request_id="new")
            ids = [line.get("request_id") for line in self._lines(daemon, f"{path}.1")]
            self.assertIn("old", ids)
            self.assertNotIn("new", ids)

    def test_a_client_that_went_away_is_told_apart(self):
        content = self.noise(8 << 20)
        path = self.push_blob(content)
        self.check_content(self.send("GET", path), content)
        connection = self.agent.connect()
        connection.request("GET", path, headers={"X-Request-Id": "cut"})
        connection.sock.recv(1024)
        connection.close()
        line = self._line(self.cluster.agents[0], request_id="cut")
        self.assertEqual(line["status"], 200)
        self.assertLess(line["sent_bytes"], len(content))
        self.assertRegex(line["reason"], "^client ")

    def test_a_trusted_proxy_speaks_for_its_client(self):
        agent = self.cluster.agents[0]
        forwarded = {"X-Forwarded-For": "127.0.0.1, 2001:db8::7", "X-Request-Id": "by-proxy"}
        connection = http.client.HTTPConnection(
            self.agent.ip, self.agent.port, timeout=_TIMEOUT_S, source_address=("127.77.0.99", 0)
        )
        connection.request("GET", "/v2/", headers=forwarded)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        line = self._line(agent, request_id="by-proxy")
        self.assertEqual((line["client"], line["proxy"]), ("2001:db8::7", "127.77.0.99"))
        # Who is no proxy speaks for itself.
        connection = http.client.HTTPConnection(
            self.agent.ip, self.agent.port, timeout=_TIMEOUT_S, source_address=("127.0.0.9", 0)
        )
        connection.request("GET", "/v2/", headers={**forwarded, "X-Request-Id": "no-proxy"})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        line = self._line(agent, request_id="no-proxy")
        self.assertEqual(line["client"], "127.0.0.9")
        self.assertNotIn("proxy", line)

    def test_a_proxy_does_not_make_strangers_local(self):
        agent = self.cluster.agents[0]
        path = f"/blobs/{layout.sha256_digest(b'none')}"
        self.assertEqual(agent.place.send("DELETE", path).status, 200)
        connection = http.client.HTTPConnection(
            agent.place.ip, agent.place.port, timeout=_TIMEOUT_S, source_address=("127.77.0.99", 0)
        )
        connection.request("DELETE", path, headers={"X-Forwarded-For": "192.0.2.7"})
        self.assertEqual(connection.getresponse().status, 403)
        connection.close()


class SocketTest(AgentCase):
    """An agent whose registry is a unix-domain socket, or has an IPv6 address."""

    def setUp(self):
        self.daemon = self.cluster.agents[0]

    def _restart(self, **sections):
        self.daemon.end(_TIMEOUT_S)
        self.daemon.configure(**sections)
        self.daemon.start()
        self.daemon.wait_until_ready()

    def _listen(self, **listener):
        self._restart(registry={"docker": {"http": listener}})

    def test_a_registry_on_a_unix_socket(self):
        path = os.path.join(_short_folder(self), "r.sock")
        self._listen(net="unix", addr=path, mode="0600")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        made = self.push(formats.make_image("unix", formats.OCI), "unix")
        digest, blob = max(made.blobs.items(), key=lambda item: len(item[1]))
        target = f"/v2/{REPOSITORY}/blobs/{digest}"
        self.assertEqual(_get_unix(path, target), (200, blob))
        curl = shutil.which("curl")
        if curl:
            argv = [curl, "-sS", "--fail", "--unix-socket", path, f"http://agent{target}"]
            done = subprocess.run(argv, capture_output=True, timeout=_TIMEOUT_S, check=True)
            self.assertEqual(done.stdout, blob)
        # Nobody takes the place of one that lives.
        self._expect_start_error(EXIT_PORT_TAKEN, path)
        # What a kill leaves behind is in nobody's way.
        self.daemon.kill()
        self.assertTrue(os.path.exists(path))
        self.daemon.start()
        self.daemon.wait_until_ready()
        self.assertEqual(_get_unix(path, target), (200, blob))
        code, _ = self.daemon.terminate(_TIMEOUT_S)
        self.assertEqual(code, EXIT_OK)
        self.assertFalse(os.path.exists(path))
        # A file of another kind is left alone.
        with open(path, "w", encoding="ascii") as file:
            file.write("precious")
        self._expect_start_error(EXIT_PORT_TAKEN, "a file of another kind")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")

    def _expect_start_error(self, code, text):
        """Of a second agent with the same configuration, but for its store."""
        with open(self.daemon.config_path, encoding="utf-8") as file:
            config = json.load(file)
        folder = _short_folder(self)
        config["store"] = {"cache_dir": os.path.join(folder, "cache")}
        config_path = os.path.join(folder, "config.yaml")
        with open(config_path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        argv = [
            self.daemon.argv[0],
            f"-config={config_path}",
            f"-peer-ip={self.daemon.host.ip}",
            "-peer-port=0",
            "-agent-server-port=0",
        ]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)

    def test_health_on_a_unix_socket_too(self):
        path = os.path.join(_short_folder(self), "h.sock")
        self._restart(http={"listen": [{"net": "unix", "addr": path}]})
        self.assertEqual(_get_unix(path, "/readiness"), (200, b"OK"))
        self.assertEqual(self.daemon.place.get("/health").status, 200)
        self._restart(http={})
        self.assertFalse(os.path.exists(path))

    def test_a_registry_with_an_ipv6_address(self):
        if not _HAS_IPV6:
            self.skipTest("this host has no IPv6")
        port = self.daemon.registry.port
        made = self.push(formats.make_image("ipv6", formats.OCI), "ipv6")
        digest, blob = max(made.blobs.items(), key=lambda item: len(item[1]))
        for address in (f"[::1]:{port}", f"[::]:{port}"):
            self._listen(net="tcp", addr=address)
            answer = Place("::1", port).get(f"/v2/{REPOSITORY}/blobs/{digest}")
            self.assertEqual((answer.status, answer.body), (200, blob))
        # The wildcard is for IPv4 too.
        self.assertEqual(self.daemon.registry.get("/v2/").status, 200)

    def test_krakenctl_takes_ipv6_addresses(self):
        if not _HAS_IPV6:
            self.skipTest("this host has no IPv6")
        port = self.daemon.registry.port
        self._listen(net="tcp", addr=f"[::1]:{port}")
        self.push(formats.make_image("krakenctl", formats.OCI), "krakenctl")
        krakenctl = self.cluster.program("krakenctl")
        health = f"[::1]:{self.daemon.place.port}"
        metrics = f"--metrics=http://{health}/metrics"
        for arguments in (
            ["health", health],
            ["pull", f"{REPOSITORY}:krakenctl", f"--agent=[::1]:{port}", metrics],
        ):
            done = subprocess.run(
                [krakenctl, *arguments], capture_output=True, text=True, timeout=60, check=False
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_configuration_that_makes_no_sense_is_refused(self):
        for sections, text in (
            ({"zap": {"access_log": "relative/path"}}, "access_log: expected off, stderr"),
            ({"http": {"trusted_proxies": ["10.0.0.1/8"]}}, "trusted_proxies"),
            ({"http": {"listen": [{"net": "unix", "addr": "/s", "mode": "rwx"}]}}, "mode"),
        ):
            self.daemon.end(_TIMEOUT_S)
            self.daemon.configure(**sections)
            self.daemon.start()
            self.assertEqual(self.daemon.wait(_TIMEOUT_S), EXIT_BAD_CONFIG)
            wait.until(text, lambda: text in self.daemon.log(), _TIMEOUT_S)
            self.daemon.configure(zap={}, http={})


if __name__ == "__main__":
    main()
