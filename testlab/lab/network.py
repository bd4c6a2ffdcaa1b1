"""The lab's network: an address for each host.

Where the machine allows, each host is a network namespace with a veth pair into one bridge, all of
it inside the namespaces that sandbox.py made, so that the kernel takes it away with the last
process. Elsewhere hosts are addresses of the loopback interface: no link can be made slow there.
"""

import os
import socket
import subprocess

from testlab.lab.errors import LabError

_BRIDGE = "br0"
# Of the lab's /24: the bridge, where the lab itself is, and the machine (only for `up`).
_OWN_NUMBER = 1
_MACHINE_NUMBER = 254
_FIRST_HOST_NUMBER = 11


class Host:
    """One machine of the lab: a name and an address of its own."""

    def __init__(self, name, ip):
        self.name = name
        self.ip = ip
        # What listens at `any_ip` is found at `local_name` by the host itself, at `ip` by others.
        self.any_ip = ip
        self.local_name = ip

    def command(self, argv):
        """`argv` as it is run on this host."""
        return argv

    def port(self, usual):
        """The port for what usually listens on `usual`."""
        return usual

    def limit(self, megabits_per_second):
        """Makes the host's outgoing link slow."""
        raise NotImplementedError

    def unlimit(self):
        raise NotImplementedError

    def limit_incoming(self, megabits_per_second):
        """Makes the link slow for what comes in."""
        raise NotImplementedError

    def unlimit_incoming(self):
        raise NotImplementedError

    def block(self, ip):
        """Lets nothing pass to another host."""
        raise NotImplementedError

    def unblock(self, ip):
        raise NotImplementedError

    def sent_bytes(self):
        """What has left the host so far, frames and headers included."""
        raise NotImplementedError


class NamespaceHost(Host):
    """A network namespace with an interface eth0."""

    # Bytes that pass before the rate holds; at least what the rate gives in a timer tick.
    _BURST = "192kb"
    _QUEUE = "300ms"

    def __init__(self, name, ip):
        super().__init__(name, ip)
        self.any_ip = "0.0.0.0"
        self.local_name = "localhost"

    def command(self, argv):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *argv]

    def _slow(self, interface, megabits_per_second):
        rate = ["rate", f"{megabits_per_second}mbit", "burst", self._BURST, "latency", self._QUEUE]
        return ["tc", "qdisc", "replace", "dev", interface, "root", "tbf", *rate]

    def limit(self, megabits_per_second):
        _run(self.command(self._slow("eth0", megabits_per_second)))

    def unlimit(self):
        _run(self.command(["tc", "qdisc", "del", "dev", "eth0", "root"]))

    def limit_incoming(self, megabits_per_second):
        _run(self._slow(_veth(self.name), megabits_per_second))

    def unlimit_incoming(self):
        _run(["tc", "qdisc", "del", "dev", _veth(self.name), "root"])

    def block(self, ip):
        _ip(f"route add blackhole {ip}/32", namespace=self.name)

    def unblock(self, ip):
        _ip(f"route del blackhole {ip}/32", namespace=self.name)

    def sent_bytes(self):
        with open("/proc/net/dev", encoding="ascii") as file:
            for line in file:
                name, _, numbers = line.partition(":")
                if name.strip() == _veth(self.name):
                    return int(numbers.split()[0])  # received at the bridge's end
        raise LabError(f"no interface {_veth(self.name)}")


def _any_port():
    """A socket with a port that nobody has, for IPv4 nor, where there is one, for IPv6."""
    is_dual = socket.has_dualstack_ipv6()
    held = socket.socket(socket.AF_INET6 if is_dual else socket.AF_INET)
    if is_dual:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("", 0))
    return held


class LoopbackHost(Host):
    """An address of the loopback interface. What listens on all addresses needs its own port."""

    def __init__(self, name, ip):
        super().__init__(name, ip)
        self._ports = {}

    def port(self, usual):
        if usual not in self._ports:
            # Held until this process ends: the kernel gives it to nobody else who wants just any,
            # and lets listen there who may use an address again, as all of the lab's programs do.
            held = _any_port()
            self._ports[usual] = held.getsockname()[1]
            held.detach()
        return self._ports[usual]


class NamespaceNetwork:
    """The bridge and its hosts. The lab's own process is where the bridge is."""

    has_slow_links = True

    def __init__(self, prefix):
        """`prefix`: of a /24, "198.18.7"."""
        self._prefix = prefix
        self._next_number = _FIRST_HOST_NUMBER
        self.own_ip = f"{prefix}.{_OWN_NUMBER}"
        self.machine_ip = f"{prefix}.{_MACHINE_NUMBER}"
        _run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
        _ip(
            "link set lo up",
            f"link add {_BRIDGE} type bridge",
            f"addr add {self.own_ip}/24 dev {_BRIDGE}",
            f"link set {_BRIDGE} up",
        )

    def add_host(self, name):
        ip = f"{self._prefix}.{self._next_number}"
        self._next_number += 1
        _ip(
            f"netns add {name}",
            f"link add {_veth(name)} type veth peer name eth0 netns {name}",
            f"link set {_veth(name)} master {_BRIDGE} up",
        )
        _ip(f"addr add {ip}/24 dev eth0", "link set eth0 up", "link set lo up", namespace=name)
        return NamespaceHost(name, ip)

    def join_machine(self, machine_namespace, interface):
        """Gives the machine itself an address in the lab. The interface goes with the lab."""
        enter = ["nsenter", f"--net={machine_namespace}", "--"]
        peer = ["peer", "name", "v-machine", "netns", str(os.getpid())]
        _run([*enter, "ip", "link", "add", interface, "type", "veth", *peer])
        _ip(f"link set v-machine master {_BRIDGE} up")
        _run([*enter, "ip", "addr", "add", f"{self.machine_ip}/24", "dev", interface])
        _run([*enter, "ip", "link", "set", interface, "up"])


class LoopbackNetwork:
    """Addresses of 127.0.0.0/8."""

    has_slow_links = False
    own_ip = "127.77.0.1"

    def __init__(self):
        self._next_number = _FIRST_HOST_NUMBER

    def add_host(self, name):
        number = self._next_number
        self._next_number += 1
        return LoopbackHost(name, f"127.77.0.{number}")


def _veth(name):
    """The bridge's end of a host's link. Linux allows 15 characters."""
    return f"v-{name}"


def _ip(*commands, namespace=None):
    where = ["-n", namespace] if namespace else []
    _run(["ip", *where, "-batch", "-"], stdin="\n".join(commands) + "\n")


def _run(argv, stdin=None):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} ({stdin or ''}): {done.stderr.strip()}")
