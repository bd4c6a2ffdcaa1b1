"""The lab's outer wall: it runs inside namespaces that die with it.

Network, mounts and process ids are the lab's own. When its first process ends, even by SIGKILL,
the kernel ends all others and takes interfaces, mounts and ports away. Without root a user
namespace does the same; where a machine forbids that too, the lab runs without the wall.
"""

import os
import signal
import subprocess

# Everything that the lab will do to its network, tried once.
_PROBE = """
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add br0 type bridge
ip netns add probe
ip link add v-probe type veth peer name eth0 netns probe
nsenter --net=/run/netns/probe -- tc qdisc add dev eth0 root tbf rate 9mbit burst 64kb latency 1s
"""
_PROBE_TIMEOUT_S = 20


def _unshare():
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    return command


def available():
    """None, or why this machine does not give the lab its namespaces."""
    try:
        done = subprocess.run(
            [*_unshare(), "sh", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or "unshare failed"


def run(argv, isolated, environment):
    """Runs the lab and returns its exit code. `argv` gets more arguments, see settings.py.

    A signal that asks to end, or the end of this process, reaches the lab through the lifeline: a
    pipe that closes. (Ctrl-C reaches it directly too.)
    """
    lifeline, our_end = os.pipe()
    machine = os.open("/proc/self/ns/net", os.O_RDONLY)
    command = [*argv, f"--lifeline={lifeline}", f"--machine-network={machine}"]
    if isolated:
        # unshare's own process id, as the machine counts, is a way into what it made.
        command = ["sh", "-c", 'exec "$@" --wall-pid=$$', "sh", *_unshare(), *command]

    def let_go(*_):
        nonlocal our_end
        if our_end >= 0:
            os.close(our_end)
            our_end = -1

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, let_go) for number in ends}
    try:
        process = subprocess.Popen(command, env=environment, pass_fds=(lifeline, machine))
        os.close(lifeline)
        os.close(machine)
        return process.wait()
    finally:
        let_go()
        for number, handler in previous.items():
            signal.signal(number, handler)
