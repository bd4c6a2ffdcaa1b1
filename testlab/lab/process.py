"""Programs that run on the lab's hosts: started, watched, ended."""

import signal
import subprocess
import time

from testlab.lab import wait
from testlab.lab.errors import LabError

_LOG_TAIL_BYTES = 3000
KILLED = -signal.SIGKILL


class Process:
    """A program on a host, with its output in a log file. It may be started again."""

    def __init__(self, host, name, argv, log_path):
        self.host = host
        self.name = name
        self.argv = argv
        self.log_path = log_path
        self._child = None
        self.peak_memory_bytes = 0

    def start(self):
        if self.running:
            raise LabError(f"{self.name} runs already")
        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(
                self.host.command(self.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the lab, which then ends it in order.
            )
        return self

    @property
    def running(self):
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self):
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll()

    @property
    def pid(self):
        return self._child.pid

    def wait(self, timeout_s):
        """Its exit code."""
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} did not end within {timeout_s:g} s") from None

    def signal(self, number):
        self._child.send_signal(number)

    def terminate(self, timeout_s):
        """SIGTERM; returns exit code and seconds."""
        begin = time.monotonic()
        self.terminate_soon()
        return self.wait(timeout_s), time.monotonic() - begin

    def terminate_soon(self):
        """SIGTERM, without waiting."""
        self.measure_memory()
        self.signal(signal.SIGTERM)

    def kill(self):
        """SIGKILL: no chance to put anything in order."""
        self.measure_memory()
        self.signal(signal.SIGKILL)
        self._child.wait()

    def end(self, grace_s):
        """Ends it in whatever way works."""
        if self.running:
            self.terminate_soon()
            self.wait_or_kill(grace_s)

    def wait_or_kill(self, grace_s):
        """After a SIGTERM."""
        try:
            self._child.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def measure_memory(self):
        """The most memory that it ever held (VmHWM), also of former ones under its name."""
        try:
            with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        peak = int(line.split()[1]) * 1024
                        self.peak_memory_bytes = max(self.peak_memory_bytes, peak)
        except OSError:
            pass  # It has just ended.
        return self.peak_memory_bytes

    def memory_bytes(self):
        """What it holds now (VmRSS)."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file:
            (line,) = (line for line in file if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def until(self, what, condition, timeout_s):
        """As wait.until, but a process that ended is not waited for."""

        def still():
            if not self.running:
                raise LabError(f"it ended with exit code {self.exit_code}")
            return condition()

        try:
            return wait.until(what, still, timeout_s)
        except LabError as error:
            raise LabError(f"{self.name}: {error}; its log ends\n{self.log_tail()}") from None

    def log_tail(self):
        return self.log()[-_LOG_TAIL_BYTES:]


def run(host, argv, timeout_s, check=True):
    """Runs a program on a host to its end; returns what it did."""
    try:
        done = subprocess.run(
            host.command(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv)}: not done within {timeout_s:g} s") from None
    if check and done.returncode:
        output = (done.stdout + done.stderr)[-_LOG_TAIL_BYTES:]
        raise LabError(f"{' '.join(argv)}: exit code {done.returncode}\n{output}")
    return done
