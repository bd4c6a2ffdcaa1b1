"""Tests of starting and ending programs."""

import os
import signal
import tempfile
import unittest

from testlab.lab import leftovers, process
from testlab.lab.errors import LabError
from testlab.lab.network import LoopbackNetwork
from testlab.lab.process import KILLED, Process


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.host = LoopbackNetwork().add_host("one")
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        self.addCleanup(self.folder.cleanup)

    def _start(self, script):
        log = os.path.join(self.folder.name, "log")
        started = Process(self.host, "it", ["sh", "-c", script], log).start()
        self.addCleanup(started.end, 0)
        return started

    def test_tells_how_it_ended(self):
        self.assertEqual(self._start("exit 4").wait(20), 4)

    def test_sigterm_and_its_exit_code(self):
        started = self._start("trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done")
        started.until("its trap", lambda: "up" in started.log(), 20)
        code, _ = started.terminate(20)
        self.assertEqual(code, 0)

    def test_sigkill(self):
        started = self._start("exec sleep 1000")
        started.kill()
        self.assertEqual(started.exit_code, KILLED)

    def test_ends_what_does_not_want_to(self):
        started = self._start("trap '' TERM; echo up; while :; do sleep 0.02; done")
        started.until("its trap", lambda: "up" in started.log(), 20)
        started.end(0.1)
        self.assertFalse(started.running)

    def test_does_not_wait_for_one_that_has_ended(self):
        started = self._start("echo broken; exit 3")
        with self.assertRaisesRegex(LabError, "(?s)exit code 3.*broken"):
            started.until("something", lambda: False, 1000)

    def test_measures_memory_while_it_runs(self):
        started = self._start("exec sleep 1000")
        # A process is small until it has loaded its program.
        started.until("its memory", lambda: started.measure_memory() > 10_000, 20)
        started.signal(signal.SIGKILL)

    def test_a_failing_tool_says_what_it_said(self):
        with self.assertRaisesRegex(LabError, "(?s)exit code 9.*no luck"):
            process.run(self.host, ["sh", "-c", "echo no luck >&2; exit 9"], 20)


class LeftoversTest(unittest.TestCase):
    def test_finds_a_process_that_a_lab_left(self):
        host = LoopbackNetwork().add_host("one")
        with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder:
            lab_id = os.path.basename(folder)
            script = f"{leftovers.MARK}={lab_id} exec sleep 1000"
            log = os.path.join(folder, "log")
            left = Process(host, "left", ["sh", "-c", script], log).start()
            left.until("it to be found", lambda: leftovers.processes(lab_id), 20)
            self.assertEqual(leftovers.processes(lab_id), [f"{left.pid} sleep"])
            left.kill()
            self.assertEqual(leftovers.processes(lab_id), [])


if __name__ == "__main__":
    unittest.main()
