"""Start-up errors: a message that says what and where, and an exit code that says which kind."""

import os

from testlab.lab import daemons, process

_TIMEOUT_S = 20
_TLS_OFF = "tls: {server: {disabled: true}, client: {disabled: true}}\n"
_TRACKER = "origin: {hosts: {static: ['127.0.0.1:1']}}\n" + _TLS_OFF


def start_wrongly(lab, report):
    """Each of our programs, once in a way in which it can't start."""
    folder = os.path.join(lab.folder, "start-errors")
    os.makedirs(folder)

    def config(name, text):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def expect(what, host, argv, code, *words):
        done = process.run(host, argv, _TIMEOUT_S, check=False)
        said = done.stderr + done.stdout
        missing = [word for word in words if word not in said]
        report.require(not missing, f"{what}: {missing} is not in the message:\n{said}")
        report.say(said.strip().replace(lab.folder, "..."))
        report.check(
            f"start-up error: {what}",
            done.returncode == code,
            f"exit code {done.returncode}",
            f"exit code {code}",
        )

    tracker = lab.tracker
    expect(
        "port taken",
        tracker.host,
        [lab.program("kraken-tracker"), f"-config={config('tracker.yaml', _TRACKER)}"]
        + [f"-port={tracker.place.port}"],
        daemons.EXIT_PORT_TAKEN,
        str(tracker.place.port),
    )
    typo = config("typo.yaml", _TRACKER + "hashrign:\n  max_replica: 2\n")
    expect(
        "a key with a typo",
        tracker.host,
        [lab.program("kraken-tracker"), f"-config={typo}", "-port=1"],
        daemons.EXIT_BAD_CONFIG,
        f"{typo}:3",
        "hashrign",
        "hashring",
    )
    file_in_the_way = config("file", "")
    agent = config(
        "agent.yaml",
        f"store: {{cache_dir: {file_in_the_way}/cache}}\n"
        "tracker: {hosts: {static: ['127.0.0.1:1']}}\n"
        "build_index: {hosts: {static: ['127.0.0.1:1']}}\n" + _TLS_OFF,
    )
    expect(
        "directory not writable",
        lab.agents[0].host,
        [lab.program("kraken-agent"), f"-config={agent}", f"-peer-ip={lab.agents[0].host.ip}"],
        daemons.EXIT_DIRECTORY_NOT_WRITABLE,
        file_in_the_way,
    )
    lonely = config(
        "lonely.yaml",
        f"castore: {{cache_dir: {folder}/origin}}\ncluster: {{static: ['a:15002']}}\n{_TLS_OFF}"
        "backends: []\n",
    )
    expect(
        "no backend",
        tracker.host,
        [lab.program("kraken-origin"), f"-config={lonely}", "-peer-ip=127.0.0.1"]
        + ["-blobserver-hostname=a"],
        daemons.EXIT_NO_BACKEND,
        "backends",
    )
    pattern = config(
        "pattern.yaml",
        f"castore: {{cache_dir: {folder}/origin}}\ncluster: {{static: ['a:15002']}}\n{_TLS_OFF}"
        "backends:\n  - namespace: 'team-(b'\n"
        "    backend: {registry_blob: {address: 'a:1'}}\n",
    )
    expect(
        "a bad regular expression",
        tracker.host,
        [lab.program("kraken-origin"), f"-config={pattern}", "-peer-ip=127.0.0.1"]
        + ["-blobserver-hostname=a"],
        daemons.EXIT_BAD_CONFIG,
        "team-(b",
    )
    expect(
        "no such flag",
        tracker.host,
        [lab.program("kraken-build-index"), "-prot=1"],
        daemons.EXIT_USAGE,
        "prot",
    )
    for name in ("kraken-agent", "kraken-origin", "kraken-tracker", "kraken-build-index"):
        _expect_help(lab, report, name)
    _expect_help(lab, report, "harbor-bridge")


def _expect_help(lab, report, name):
    done = process.run(lab.tracker.host, [lab.program(name), "--help"], _TIMEOUT_S)
    said = done.stdout + done.stderr
    report.require("-config" in said, f"{name} --help does not name -config:\n{said}")
