"""An agent's registry beside nginx: the same bytes, warm, in turns; and many slow readers."""

import os
import random
import resource
import socket

from testlab.lab import formats, programs, wait
from testlab.lab.nginx import Nginx
from testlab.lab.pairs import Pairs
from testlab.lab.report import mebibytes
from testlab.lab.small import BackedCluster
from testlab.lab.upload import upload
from testlab.lab.wrk import Wrk
from tools.oci import layout

STEPS = 4
_REPOSITORY = "library/measured"
_TAG = "1"
_CONNECTIONS = (1, 64)
_MIN_BLOB_RATIO = 0.9
_MIN_MANIFEST_RATIO = 0.5
_WARM_UP_S = 1
_TIMEOUT_S = 60
_SLOW_READERS = 1000
_SLOW_BUFFER_BYTES = 4096
# A page or two of ours for each connection; never a piece.
_MAX_BYTES_PER_READER = 32 << 10
_NOISE_BYTES = 1 << 20


def make_cluster(network, folder, paths):
    programs.require_for("serving")
    return BackedCluster(network, folder, paths, ["agent"])


def run(cluster, report, options):
    agent = cluster.agents[0]
    workers = os.cpu_count()
    nginx = Nginx(agent.host, os.path.join(cluster.folder, "nginx"), workers)
    cluster.add_process(nginx)
    wrk = Wrk(agent.host, cluster.folder)
    with report.step("start", "start an agent before a registry, and nginx beside it"):
        cluster.start()
        nginx.start()
        blob = _noise(options.blob_mebibytes)
        image = formats.make_image(_REPOSITORY, formats.OCI)
        content = {**image.blobs, layout.sha256_digest(blob): blob}
        upload(cluster.registry, _REPOSITORY, formats.Made(image.manifests, content), _TAG)
        report.note("nginx", f"{workers} workers, as many as the agent has threads for HTTP")
    with report.step("blob", f"GET a blob of {options.blob_mebibytes} MiB"):
        digest = layout.sha256_digest(blob)
        ours = _url(agent, f"blobs/{digest}")
        _warm(report, agent, ours, blob)
        theirs = nginx.serve("blob", agent.blob_path(digest))
        for connections in _CONNECTIONS:
            pairs = _compare(wrk, options, connections, ours, theirs, "bytes_per_s")
            _tell(report, "blob", connections, pairs, _MIN_BLOB_RATIO, _gigabytes)
    with report.step("manifest", "GET a manifest"):
        manifest = image.root
        by_digest, by_tag = (_url(agent, f"manifests/{ref}") for ref in (manifest.digest, _TAG))
        for url in (by_digest, by_tag):
            _warm(report, agent, url, manifest.data)
        theirs = nginx.serve("manifest", agent.blob_path(manifest.digest))
        for what, ours in {"manifest by digest": by_digest, "manifest by tag": by_tag}.items():
            for connections in _CONNECTIONS:
                pairs = _compare(wrk, options, connections, ours, theirs, "requests_per_s")
                _tell(report, what, connections, pairs, _MIN_MANIFEST_RATIO, _requests)
    with report.step("readers", f"{_SLOW_READERS} readers who hardly read"):
        _read_slowly(report, agent, digest, len(blob))


def _noise(mebibytes_):
    source = random.Random("serving")
    return b"".join(source.randbytes(_NOISE_BYTES) for _ in range(mebibytes_))


def _url(agent, path):
    return f"{agent.registry.url}/v2/{_REPOSITORY}/{path}"


def _warm(report, agent, url, content):
    """Has the agent fetch it, and looks whether it is the right thing."""
    path = url.removeprefix(agent.registry.url)
    answer = agent.registry.get(path, timeout_s=_TIMEOUT_S)
    report.require(answer.status == 200 and answer.body == content, f"GET {url}: {answer.status}")
    digest = layout.sha256_digest(content)
    agent.until("its store to have it", lambda: agent.holds(digest, len(content)), _TIMEOUT_S)


def _compare(wrk, options, connections, ours, theirs, what):
    def measure(url):
        return lambda: getattr(wrk.load(url, connections, options.seconds), what)

    for url in (ours, theirs):
        wrk.load(url, connections, _WARM_UP_S)
    return Pairs().measure(options.pairs, measure(ours), measure(theirs))


def _tell(report, what, connections, pairs, least, say):
    plural = "" if connections == 1 else "s"
    report.expect(
        f"{what}, {connections} connection{plural}, agent : nginx",
        pairs.median_ratio >= least,
        pairs.told(say),
        f"at least {least:g}",
    )


def _gigabytes(bytes_per_s):
    return f"{bytes_per_s / 1e9:.2f} GB/s"


def _requests(requests_per_s):
    return f"{requests_per_s:.0f} requests/s"


def _read_slowly(report, agent, digest, size):
    """Opens many connections that ask for a blob and take its first bytes only."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before = agent.memory_bytes()
    request = (
        f"GET /v2/{_REPOSITORY}/blobs/{digest} HTTP/1.1\r\nHost: {agent.registry.address}\r\n\r\n"
    ).encode()
    readers = []
    try:
        for _ in range(_SLOW_READERS):
            reader = socket.socket()
            readers.append(reader)
            reader.settimeout(_TIMEOUT_S)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BUFFER_BYTES)
            reader.connect((agent.registry.ip, agent.registry.port))
            reader.sendall(request)
        heads = [reader.recv(1024) for reader in readers]
        bad = [head for head in heads if not head.startswith(b"HTTP/1.1 200 ")]
        report.require(not bad, f"{len(bad)} readers got no 200, but {bad[:1]}")
        grown = max(0, agent.memory_bytes() - before)
        report.expect(
            f"an agent's memory for {_SLOW_READERS} readers who stopped, of {size >> 20} MiB each",
            grown <= _SLOW_READERS * _MAX_BYTES_PER_READER,
            f"{mebibytes(grown)} more than {mebibytes(before)}",
            f"at most {_MAX_BYTES_PER_READER >> 10} KiB a reader",
        )
    finally:
        for reader in readers:
            reader.close()
    wait.until("the agent to be well", agent.healthy, _TIMEOUT_S)
