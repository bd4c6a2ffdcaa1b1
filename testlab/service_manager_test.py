"""An agent under a service manager: sockets that are passed to it, and what it says of itself.

The manager is this program, which follows sd_listen_fds(3) and sd_notify(3); the agent and what
it needs are real. The example units of docs/systemd are looked at too, by systemd itself if it is
there.

  service_manager_test.py --program=NAME=PATH...
"""

import configparser
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from testlab.lab import formats, wait
from testlab.lab.agent_case import REPOSITORY, AgentCase
from testlab.lab.daemons import EXIT_BAD_CONFIG, EXIT_FAILURE, EXIT_OK
from testlab.lab.errors import LabError
from testlab.lab.program_case import main
from testlab.lab.web import Place

_TIMEOUT_S = 60
_UNITS = "docs/systemd"
_FIRST_DESCRIPTOR = 3
# Out of the way of the first ones.
_HIGH_DESCRIPTOR = 200


class _Manager:
    """What systemd does for a service."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="kh")
        self.path = os.path.join(self._folder.name, "notify")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(self.path)
        self._notify.setblocking(False)
        self._sockets = []
        self._child = None
        self.log_path = os.path.join(self._folder.name, "log")
        self.heard = []

    def open(self, name, ip="127.0.0.1"):
        """Opens a socket; returns where that is."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.bind((ip, 0))
        opened.listen()
        self.add(name, opened)
        return Place(ip, opened.getsockname()[1])

    def add(self, name, opened):
        """Passes it too."""
        self._sockets.append((name, opened))

    def start(self, argv, watchdog_s=None):
        passed = self._sockets
        environment = {**os.environ, "NOTIFY_SOCKET": self.path}
        if passed:
            environment["LISTEN_FDS"] = str(len(passed))
            environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in passed)
        if watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

        def pass_sockets():
            for i, (_, opened) in enumerate(passed):
                os.dup2(opened.fileno(), _HIGH_DESCRIPTOR + i)
            for i in range(len(passed)):
                os.dup2(_HIGH_DESCRIPTOR + i, _FIRST_DESCRIPTOR + i)
                os.close(_HIGH_DESCRIPTOR + i)

        # Who execs keeps the process id.
        shell = ["sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh"]
        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(
                [*shell, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                close_fds=False,
                preexec_fn=pass_sockets,
            )

    def hear(self):
        """All messages so far."""
        while True:
            try:
                self.heard.append(self._notify.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def wait_for(self, text):
        """Until a message has it; returns that."""

        def heard():
            found = [message for message in self.hear() if text in message]
            if not found and self._child.poll() is not None:
                raise LabError(f"it ended with exit code {self._child.poll()}: {self.log()}")
            return found

        return wait.until(f"{text!r} in {self.heard}", heard, _TIMEOUT_S)[0]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def terminate(self):
        """SIGTERM; returns the exit code."""
        self._child.terminate()
        return self.wait()

    def wait(self):
        return self._child.wait(_TIMEOUT_S)

    def close(self):
        if self._child and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        for _, opened in self._sockets:
            opened.close()
        self._notify.close()
        self._folder.cleanup()


class ServiceTest(AgentCase):
    """The cluster's agent, ended, and started by us."""

    def setUp(self):
        self.daemon = self.cluster.agents[0]
        self.daemon.end(_TIMEOUT_S)
        self.manager = _Manager()
        self.addCleanup(self.manager.close)

    def test_serves_on_the_sockets_that_are_passed(self):
        registry = self.manager.open("registry")
        has_ipv6 = os.path.exists("/proc/net/if_inet6")
        second = self.manager.open("registry", "::1") if has_ipv6 else None
        health = self.manager.open("http")
        self.manager.start(self.daemon.argv)
        self.assertEqual(self.manager.wait_for("READY=1"), "READY=1\nSTATUS=serving")
        made = self.push(formats.make_image("passed", formats.OCI), "passed")
        digest, blob = max(made.blobs.items(), key=lambda item: len(item[1]))
        for place in filter(None, (registry, second)):
            answer = place.get(f"/v2/{REPOSITORY}/blobs/{digest}", timeout_s=_TIMEOUT_S)
            self.assertEqual((answer.status, answer.body), (200, blob))
        self.assertEqual(health.get("/readiness").status, 200)
        # And nowhere else.
        for place in (self.daemon.registry, self.daemon.place):
            with self.assertRaises(ConnectionRefusedError):
                place.get("/v2/")
        self.assertEqual(self.manager.terminate(), EXIT_OK)
        self.manager.wait_for("STOPPING=1")

    def test_a_client_may_come_before_the_agent_does(self):
        place = self.manager.open("kraken-agent.socket")
        connection = place.connect(_TIMEOUT_S)
        connection.request("GET", "/v2/")
        self.manager.start(self.daemon.argv)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        # Nor is it refused while the agent is started again.
        self.assertEqual(self.manager.terminate(), EXIT_OK)
        connection = place.connect(_TIMEOUT_S)
        connection.request("GET", "/v2/")
        self.manager.start(self.daemon.argv)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def test_is_ready_when_readiness_says_so(self):
        self.cluster.tracker.end(_TIMEOUT_S)
        self.manager.start(self.daemon.argv)
        status = self.manager.wait_for("STATUS=not ready: ")
        self.assertNotIn("READY", status)
        self.assertEqual(self.daemon.place.get("/readiness").status, 503)
        self.cluster.tracker.start()
        self.cluster.tracker.wait_until_ready()
        self.manager.wait_for("READY=1")
        self.assertEqual(self.daemon.place.get("/readiness").status, 200)

    def test_the_loop_feeds_the_watchdog(self):
        self.manager.start(self.daemon.argv, watchdog_s=0.1)

        def fed():
            return self.manager.hear().count("WATCHDOG=1") >= 10

        wait.until("ten messages for the watchdog", fed, _TIMEOUT_S)
        self.manager.wait_for("READY=1")

    def test_a_socket_that_nobody_takes_is_an_error(self):
        self.manager.open("registri")
        self.manager.start(self.daemon.argv)
        self.assertEqual(self.manager.wait(), EXIT_BAD_CONFIG)
        self.assertIn('"registri", but this process knows registry and http', self.manager.log())

    def test_other_processes_take_sockets_too(self):
        for daemon in (self.cluster.tracker, self.cluster.build_index, self.cluster.origin):
            daemon.end(_TIMEOUT_S)
            self.addCleanup(daemon.wait_until_ready)
            self.addCleanup(daemon.start)
            manager = _Manager()
            self.addCleanup(manager.close)
            place = manager.open("http")
            place = Place(place.ip, place.port, daemon.place.tls)
            manager.start(daemon.argv)
            wait.until("an answer", lambda: place.get("/health").status == 200, _TIMEOUT_S)
            self.assertEqual(manager.terminate(), EXIT_OK, manager.log()[-2000:])

    def test_descriptors_that_are_no_sockets_are_an_error(self):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.manager.add("registry", datagrams)
        self.manager.start(self.daemon.argv)
        self.assertEqual(self.manager.wait(), EXIT_FAILURE)
        self.assertIn("not a listening stream socket", self.manager.log())


class _Unit(configparser.RawConfigParser):
    """A unit's file; a key that stands several times has its last value."""

    def __init__(self, path):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
        self.optionxform = str
        with open(path, encoding="utf-8") as file:
            self.read_file(file)


class UnitsTest(unittest.TestCase):
    """docs/systemd."""

    def test_the_service_starts_an_agent_as_it_is(self):
        service = _Unit(f"{_UNITS}/kraken-agent.service")["Service"]
        self.assertEqual(service["Type"], "notify")
        program, *arguments = service["ExecStart"].split()
        self.assertEqual(os.path.basename(program), "kraken-agent")
        agent = AgentCase.program("kraken-agent")
        done = subprocess.run([agent, "--help"], capture_output=True, text=True, check=True)
        known = set(re.findall(r"^ *-([a-z-]+)", done.stdout + done.stderr, re.MULTILINE))
        for argument in arguments:
            self.assertIn(argument.lstrip("-").split("=")[0], known)
        codes = set(service["RestartPreventExitStatus"].split())
        self.assertEqual(codes, {"2", "3"})

    def test_the_socket_is_the_registry(self):
        socket_unit = _Unit(f"{_UNITS}/kraken-agent.socket")["Socket"]
        self.assertEqual(socket_unit["FileDescriptorName"], "registry")
        self.assertTrue(socket_unit["ListenStream"].endswith(":13000"))

    def test_systemd_takes_them(self):
        analyze = shutil.which("systemd-analyze")
        if not analyze:
            self.skipTest("no systemd here")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("kraken-agent.service", "kraken-agent.socket"):
                with open(f"{_UNITS}/{name}", encoding="utf-8") as file:
                    text = file.read()
                # It wants the program to be there.
                text = text.replace("/usr/bin/kraken-agent", shutil.which("true"))
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            paths = [os.path.join(folder, name) for name in os.listdir(folder)]
            done = subprocess.run(
                [analyze, "verify", *paths], capture_output=True, text=True, check=False
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    main()
