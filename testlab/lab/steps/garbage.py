"""What no client should send, to each port: the process answers or hangs up, and lives."""

import http.client
import random
import socket
import time

from testlab.lab.report import mebibytes, megabytes

_TIMEOUT_S = 5
# A connection that is still open after this was not refused.
_OPEN_S = 0.3
_RANDOM = random.Random("garbage")
_NOISE = _RANDOM.randbytes(64 << 10)
_HUGE_BODY_BYTES = 10 << 30
_HUGE_TIMEOUT_S = 60
_CHUNK_BYTES = 4 << 20
_MAX_BYTES = 128 << 20

# Whatever the port speaks, these are not it.
_RAW = (
    _NOISE,
    b"\x00" * 4096,
    b"\xff" * 4096,
    b"\x16\x03\x01\xff\xff" + _NOISE[:4096],  # a TLS record that is too long
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _NOISE[:4096],
    b"\x7f\xff\xff\xff" + _NOISE[:4096],  # a peer's frame of 2 GiB
    b"",
)


def send_garbage(lab, report):
    """To HTTP, gRPC and peer ports, before and within TLS."""
    before = {daemon: daemon.pid for daemon in lab.daemons}
    ports = [port for daemon in lab.daemons for port in _ports(daemon)]
    for ip, port in ports:
        for payload in _RAW:
            _send(ip, port, payload, None)
    for ip, port in ports:
        for payload in _RAW:
            _send(ip, port, payload, lab.security.client)
    report.say(f"{2 * len(_RAW)} kinds of garbage to each of {len(ports)} ports")
    alive = [d for d in lab.daemons if d.running and d.pid == before[d] and d.healthy()]
    report.check(
        "processes that are well after garbage",
        len(alive) == len(lab.daemons),
        f"{len(alive)} of {len(lab.daemons)}",
        "all",
    )


def send_huge_bodies(lab, report):
    """10 GB where a few kilobytes are right."""
    bridge, agent, origin = lab.bridge, lab.agents[0], lab.origins[0]
    authorized = {"Authorization": lab.event_authorization}
    # A registry repeats what is refused for ever: the bridge reads it to its end, and drops it.
    begin = time.monotonic()
    status, sent = _send_huge(bridge.place, "/registry/notifications", authorized)
    report.check(
        "a notification of 10 GB, to the bridge",
        status == 202 and sent == _HUGE_BODY_BYTES,
        f"{status} after {time.monotonic() - begin:.1f} s",
        "taken and dropped",
    )
    for name, place, path in (
        ("an upload of 10 GB, to an agent", agent.registry, "/v2/library/debian/blobs/uploads/"),
        ("a body of 10 GB, to an origin", origin.place, "/health"),
    ):
        status, sent = _send_huge(place, path, {})
        report.check(
            name,
            status == 405 and sent < _HUGE_BODY_BYTES / 10,
            f"{status} after {megabytes(sent)}",
            "405 at once",
        )
    well = all(daemon.healthy() for daemon in (bridge, agent, origin))
    report.require(well, "a process is not well after a 10 GB body")
    most = max(daemon.measure_memory() for daemon in (bridge, agent, origin))
    report.check(
        "most memory of bridge, agent and origin then",
        most < _MAX_BYTES,
        mebibytes(most),
        f"less than {mebibytes(_MAX_BYTES)}",
    )


def refuse_strangers(lab, report):
    """gRPC and the peer wire speak to certificates of the lab's authority only."""
    ports = [
        (daemon.name, daemon.host.ip, port)
        for daemon in lab.daemons
        for port in (daemon.grpc_port(), getattr(daemon, "peer_port", None))
        if port
    ]
    security = lab.security
    refused = [
        f"{name}:{port}"
        for name, ip, port in ports
        if not _admits(ip, port, security.client, _OPEN_S)
    ]
    report.require(not refused, f"the lab's own certificate was refused by {refused}")
    admitted = [
        f"{name}:{port}"
        for name, ip, port in ports
        for tls in (security.stranger, security.anonymous)
        if _admits(ip, port, tls, _TIMEOUT_S)
    ]
    report.check(
        "gRPC and peer ports that admit a foreign certificate, or none",
        not admitted,
        f"{len(admitted)} of {len(ports)} {' '.join(admitted)}".strip(),
        "0",
    )


def _ports(daemon):
    """(ip, port) of everything that a daemon listens on."""
    found = [daemon.place.port, daemon.grpc_port(), getattr(daemon, "peer_port", None)]
    if hasattr(daemon, "registry"):
        found.append(daemon.registry.port)
    return [(daemon.host.ip, port) for port in found if port]


def _send(ip, port, payload, tls):
    """Sends it, reads a little of the answer, hangs up."""
    try:
        with socket.create_connection((ip, port), timeout=_TIMEOUT_S) as plain:
            connection = tls.wrap(plain) if tls else plain
            with connection:
                connection.sendall(payload)
                if not tls:
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(4096)
    except OSError:
        pass  # Refusing it is right.


def _send_huge(place, path, headers):
    """Status of the answer (None without one) and bytes of the body sent until it came."""
    connection = place.connect(_HUGE_TIMEOUT_S)
    sent = 0
    try:
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(_HUGE_BODY_BYTES))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        chunk = bytes(_CHUNK_BYTES)
        while sent < _HUGE_BODY_BYTES:
            connection.send(chunk)
            sent += len(chunk)
    except OSError:
        pass  # Refusing it is right; the answer says so.
    try:
        return connection.getresponse().status, sent
    except (OSError, http.client.HTTPException):
        return None, sent
    finally:
        connection.close()


def _admits(ip, port, tls, patience_s):
    """Whether a connection with this certificate lasts. TLS 1.3 refuses after the handshake."""
    try:
        with socket.create_connection((ip, port), timeout=_TIMEOUT_S) as plain:
            with tls.offering("h2").wrap(plain) as connection:
                connection.settimeout(patience_s)
                return connection.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False
