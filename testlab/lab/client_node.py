"""The host on which clients run: an agent of their own, which stands in for a registry too."""

import os

from testlab.lab.clients.client import Registries

_NODE = "node"
MIRRORED = "harbor.example.com"
UNKNOWN = "elsewhere.example.com"
_RUN = "/run/clients"


def node(lab):
    """That agent. Started by the first who asks."""
    for agent in lab.agents:
        if agent.name == _NODE:
            return agent
    made = lab.add_agent(_NODE)
    # Reached as localhost from its own host, and by the lab from elsewhere.
    address = f"{made.host.any_ip}:{made.registry.port}"
    made.configure(
        mirrors=[{"ns": MIRRORED.replace(".", r"\.")}],
        registry={"docker": {"http": {"net": "tcp", "addr": address}}},
    )
    made.start().wait_until_ready()
    return made


def make_client(lab, kind, name, *arguments):
    """A client of that agent; `kind`: a clients.Client; `name`: of its folder."""
    agent = node(lab)
    registries = Registries(f"{agent.host.local_name}:{agent.registry.port}", MIRRORED, UNKNOWN)
    folder = os.path.join(lab.folder, "clients", name)
    return kind(agent.host, folder, registries, *arguments)


def run_folder(name):
    """For sockets, whose paths must be short. The lab has /run for itself."""
    folder = os.path.join(_RUN, name)
    os.makedirs(folder)
    return folder
