"""The programs that get an image: {program: (binary, exposed ports)}."""

DAEMONS = {
    "harbor-bridge": ("//harbor_bridge:harbor-bridge", ["10050/tcp"]),
    "kraken-agent": ("//kraken/agent:kraken-agent", ["13000/tcp", "16001/tcp", "16002/tcp"]),
    "kraken-build-index": ("//kraken/build_index:kraken-build-index", ["15004/tcp"]),
    "kraken-origin": ("//kraken/origin:kraken-origin", ["15001/tcp", "15002/tcp"]),
    "kraken-tracker": ("//kraken/tracker:kraken-tracker", ["15003/tcp"]),
    "krakenctl": ("//kraken/krakenctl", []),
}
