"""What every cluster of the lab is made of: hosts, certificates, processes that end with it."""

import os

from testlab.lab import certificates
from testlab.lab.daemons import Security
from testlab.lab.errors import LabError
from testlab.lab.memory import MemoryWatch

_END_GRACE_S = 3


class Cluster:
    """Processes on hosts of one network. Those who derive from it say which."""

    def __init__(self, network, folder, programs):
        """`programs`: {name: path}. Starts nothing."""
        self.network = network
        self.folder = folder
        self.logs = os.path.join(folder, "logs")
        self.hosts = {}
        self.security = None
        self._programs = programs
        self._closers = []
        self.memory = MemoryWatch()
        self._closers.append(self.memory.close)
        os.makedirs(self.logs)

    @property
    def processes(self):
        """All that close() ends."""
        raise NotImplementedError

    def add_host(self, name):
        self.hosts[name] = self.network.add_host(name)
        return self.hosts[name]

    def _make_security(self, host):
        authority = certificates.Authority(host, os.path.join(self.folder, "tls"))
        stranger = certificates.Authority(host, os.path.join(self.folder, "stranger-tls"))
        return Security(authority, stranger)

    def _new(self, kind, name, program, *arguments):
        made = kind(
            self.hosts[name],
            os.path.join(self.folder, "hosts", name),
            os.path.join(self.logs, f"{name}.log"),
            self.program(program),
            self.security,
            *arguments,
        )
        self.memory.add(made)
        return made

    def program(self, name):
        if name not in self._programs:
            raise LabError(f"no --program={name}=PATH was given")
        return os.path.abspath(self._programs[name])

    def close(self):
        """Ends whatever runs. Asks first, as logs end better then."""
        running = [process for process in self.processes if process.running]
        for process in running:
            process.terminate_soon()
        for process in running:
            process.wait_or_kill(_END_GRACE_S)
        for closer in self._closers:
            closer()
