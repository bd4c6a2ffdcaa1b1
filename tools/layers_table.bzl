"""The house's layers, as data. Read by layers.bzl and, as plain literals, by layering_test.py."""

# Each line may depend on the lines before it, never on its own line or a later one.
LAYERS = [
    ["base"],
    ["config", "net", "telemetry"],
    ["storage", "registry", "cluster"],
    ["backend", "swarm"],
    ["access", "peer_wire", "sim", "rpc"],
    ["daemon_base", "redis"],
    ["agent", "origin", "tracker", "build_index", "proxy", "harbor_bridge", "krakenctl"],
    ["testlab"],
]

# The folder of each room; its subpackages belong to it.
ROOM_PACKAGES = {
    "access": "kraken/access",
    "agent": "kraken/agent",
    "backend": "kraken/backend",
    "base": "kraken/base",
    "build_index": "kraken/build_index",
    "cluster": "kraken/cluster",
    "config": "kraken/config",
    "daemon_base": "kraken/daemon",
    "harbor_bridge": "harbor_bridge",
    "krakenctl": "kraken/krakenctl",
    "net": "kraken/net",
    "origin": "kraken/origin",
    "peer_wire": "kraken/peer_wire",
    "proxy": "kraken/proxy",
    "redis": "kraken/redis",
    "registry": "kraken/registry",
    "rpc": "kraken/rpc",
    "sim": "kraken/sim",
    "storage": "kraken/storage",
    "swarm": "kraken/swarm",
    "telemetry": "kraken/telemetry",
    "testlab": "testlab",
    "tracker": "kraken/tracker",
}

# Packages outside the layers that may see every room: build rules and image tools.
TOOL_PACKAGES = ["tools"]
