"""The OCI distribution specification's own conformance suite against an agent, without pushes.

  bazel run //testlab:conformance [-- --suite=VERSION --keep]

It fetches and builds the suite with Go 1.24, which Go from 1.21 on fetches if need be, and a Go
module proxy; Debian 12's Go is 1.19. testlab/registry_conformance_test.py makes the same requests
without either.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from testlab.lab import formats, programs
from testlab.lab.errors import LabError
from testlab.lab.network import LoopbackNetwork
from testlab.lab.small import BackedCluster
from testlab.lab.upload import upload

_MODULE = "github.com/opencontainers/distribution-spec/conformance"
_SUITE = "v0.0.0-20260831232431-97274622c111"
# From this version on Go fetches the version that a module asks for, here 1.24.
_MIN_GO = (1, 21)
_GO_TIMEOUT_S = 600
_SUITE_TIMEOUT_S = 120
_REPOSITORY = "conformance/repo1"
# What only a registry that takes pushes is asked for.
_OFF = ("PUSH", "BLOBS_DELETE", "MANIFESTS_DELETE", "TAGS_DELETE")
_RESULT = re.compile(r"^OCI Conformance Result: (\w+)$", re.MULTILINE)
_COUNT = re.compile(r"^  (\w+)\.*: +(\d+)$", re.MULTILINE)


def _require_go():
    go = shutil.which("go")
    if not go:
        raise LabError("there is no `go` in PATH to build the suite with; Debian 12's is too old")
    told = _go([go, "env", "GOVERSION"]).strip()
    found = re.match(r"go(\d+)\.(\d+)", told)
    if not found or (int(found[1]), int(found[2])) < _MIN_GO:
        wanted = ".".join(map(str, _MIN_GO))
        raise LabError(f"{go} is {told}; the suite needs Go {wanted} or later")
    return go


def _go(command, **environment):
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_GO_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _build_suite(folder, version):
    """Returns the suite's program."""
    go = _require_go()
    print(f"building {_MODULE}@{version}", flush=True)
    _go([go, "install", f"{_MODULE}@{version}"], GOBIN=folder, GOFLAGS="")
    return os.path.join(folder, "conformance")


def _push_content(cluster):
    """What the suite is told to ask for: {variable: words}."""
    made = {
        "image": formats.make_image("image", formats.OCI),
        "index": formats.make_index("index", formats.OCI),
        "zstd": formats.make_image("zstd", formats.ZSTD),
    }
    made["artifact"] = formats.make_artifact("artifact", made["image"].root)
    for tag, each in made.items():
        upload(cluster.registry, _REPOSITORY, each, tag)
    manifests = [manifest.digest for each in made.values() for manifest in each.manifests]
    blobs = [digest for each in made.values() for digest in each.blobs]
    return {
        "OCI_RO_DATA_TAGS": made,
        "OCI_RO_DATA_MANIFESTS": manifests,
        "OCI_RO_DATA_BLOBS": blobs,
        "OCI_RO_DATA_REFERRERS": [made["artifact"].root.digest, made["image"].root.digest],
    }


def _run_suite(suite, cluster, folder):
    """What it prints. Its exit code says nothing: without pushes it stumbles over its reports."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "OCI_REGISTRY": cluster.agents[0].registry.address,
        "OCI_TLS": "disabled",
        "OCI_REPO1": _REPOSITORY,
        "OCI_REPO2": "conformance/repo2",
        "OCI_VERSION": "1.1",
        "OCI_RESULTS_DIR": os.path.join(folder, "results"),
        **{f"OCI_API_{name}": "false" for name in _OFF},
    }
    for name, words in _push_content(cluster).items():
        environment[name] = " ".join(words)
    done = subprocess.run(
        [suite],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SUITE_TIMEOUT_S,
        check=False,
    )
    if not _RESULT.search(done.stdout):
        raise LabError(f"the suite gave no result:\n{done.stdout}{done.stderr}")
    return done.stdout


def _judge(printed):
    """Whether something passed and nothing failed; prints how many."""
    counts = {name: int(count) for name, count in _COUNT.findall(printed)}
    wrong = {name: counts.get(name, 0) for name in ("FAIL", "Error")}
    print(f"conformance: {counts.get('Pass', 0)} passed, {sum(wrong.values())} failed")
    return bool(counts.get("Pass")) and not any(wrong.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--suite", default=_SUITE, help=f"its version ({_SUITE})")
    parser.add_argument("--keep", action="store_true", help="keep logs and the suite's reports")
    options = parser.parse_args()
    os.environ["PATH"] = programs.path()
    paths = dict(item.split("=", 1) for item in options.program)
    folder = tempfile.mkdtemp(prefix="kraken-harbor-conformance-")
    cluster = None
    try:
        programs.require()
        suite = _build_suite(folder, options.suite)
        cluster = BackedCluster(LoopbackNetwork(), os.path.join(folder, "lab"), paths, ["agent"])
        cluster.start()
        printed = _run_suite(suite, cluster, folder)
        print(printed)
        return 0 if _judge(printed) else 1
    except LabError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    finally:
        if cluster:
            cluster.close()
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
