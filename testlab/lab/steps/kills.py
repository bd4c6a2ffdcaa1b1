"""Fifty times kill -9 while a blob comes in: nothing wrong, nothing twice, nothing left behind."""

import random
import signal
import typing

from testlab.lab import open_files, wait
from testlab.lab.report import mebibytes
from testlab.lab.resuming_get import ResumingGet
from testlab.lab.victim import Victim

_AGENTS = 3
_KILLS_OF_AGENTS = 36
_KILLS_OF_ORIGINS = 13
# And one whose client does not come back.
_ALL_KILLS = _KILLS_OF_AGENTS + _KILLS_OF_ORIGINS + 1
# When: so much of the blob has come.
_FIRST, _LAST = 0.02, 0.9
# Of the agents' kills, those that may hit a process that has only just been started.
_AT_ONCE = 0.15
_BLOB_BYTES = 40 << 20
# kraken/storage/piece_layout.h, of blobs up to 384 MiB
_PIECE_BYTES = 256 << 10
_REGISTRY_MEGABITS = 60
# The registry waits while the blob is so much further than the next kill.
_LEAD = 0.1
_LOST_CLIENT_BYTES = 8 << 20
_TIMEOUT_S = 60
# Connections come and go.
_SPARE_DESCRIPTORS = 16


class Kill(typing.NamedTuple):
    """`agent`: its number; None: the origin that reads the registry."""

    share: float
    agent: typing.Optional[int]
    at_once: bool


def plan(seed):
    """All kills of a run, in order."""
    source = random.Random(seed)
    agents = [number % _AGENTS for number in range(_KILLS_OF_AGENTS)]
    kills = []
    for agent in [*agents, *[None] * _KILLS_OF_ORIGINS]:
        at_once = agent is not None and source.random() < _AT_ONCE
        kills.append(Kill(source.uniform(_FIRST, _LAST), agent, at_once))
    return sorted(kills, key=lambda kill: kill.share)


def kill_during_pulls(lab, report):
    """A cold blob at three agents through one slow link from the registry."""
    report.say(f"--kill-seed={lab.kill_seed} kills the same in the same order")
    descriptors = {daemon: len(open_files.of(daemon.pid)) for daemon in lab.daemons}
    image = lab.noise_image("library/hunted", _BLOB_BYTES)
    hunt = _Hunt(lab, report, image)
    lab.first.host.limit(_REGISTRY_MEGABITS)
    lab.push(image, "library/hunted:1")
    hunt.begin()
    for kill in plan(lab.kill_seed):
        hunt.wait_and_kill(kill)
    lab.first.signal(signal.SIGCONT)
    lab.first.host.unlimit()
    hunt.finish()
    hunt.check_pulls()
    hunt.check_costs()
    forsaken = _lose_a_client(lab, hunt.agents[0].daemon)
    hunt.check_stores(forsaken)
    _check_processes(report, descriptors)


class _Hunt:
    """The pulls, and those who are killed in them."""

    def __init__(self, lab, report, image):
        self._lab = lab
        self._report = report
        self._image = image
        self._digest, self._size = image.largest_blob
        peers = _AGENTS + len(lab.origins) - 1
        self.agents, self._origins = (
            [Victim(lab, daemon, self._digest, _PIECE_BYTES, peers) for daemon in daemons]
            for daemons in (lab.agents[:_AGENTS], lab.origins)
        )
        self._victims = [*self.agents, *self._origins]
        self._files = {victim: victim.daemon.store.files() for victim in self._victims}
        self._gets = []

    def begin(self):
        """A client at each agent, which goes on whatever happens."""
        path = f"/v2/library/hunted/blobs/{self._digest}"
        self._gets = [
            ResumingGet(victim.daemon.registry, path, self._size) for victim in self.agents
        ]

    def wait_and_kill(self, kill):
        wanted = kill.share * self._size
        name = "an origin" if kill.agent is None else self.agents[kill.agent].daemon.name

        def victim():
            if kill.agent is None:
                self._lab.first.signal(signal.SIGCONT)
                return _first(self._origins, lambda origin: origin.reads_registry(wanted))
            furthest = max(victim.recorded_bytes for victim in self._victims)
            ahead = furthest > wanted + _LEAD * self._size
            self._lab.first.signal(signal.SIGSTOP if ahead else signal.SIGCONT)
            agent = self.agents[kill.agent]
            return agent if agent.downloads(wanted, kill.at_once) else None

        what = f"{name} to be killed with {kill.share:.0%} of the blob"
        found = wait.until(what, victim, _TIMEOUT_S)
        found.kill()
        for other in self._victims:
            if other is not found:
                other.note_death_of_peer()

    def finish(self):
        """Until all who are to have the blob have it."""
        for get in self._gets:
            over = get.wait(_TIMEOUT_S)
            self._report.require(over, f"a client hangs: {get}")
        for victim in self._victims:
            victim.daemon.wait_until_ready()
        self._lab.wait_until_origins_hold(self._image)
        for victim in self.agents:
            wait.until(f"{victim.daemon.name} to have the blob", self._held_by(victim), _TIMEOUT_S)
        for victim in self._victims:
            if self._held_by(victim)():
                victim.finish(self._size)

    def _held_by(self, victim):
        return lambda: victim.daemon.holds(self._digest, self._size)

    def check_pulls(self):
        agents = sum(victim.kills for victim in self.agents)
        origins = sum(victim.kills for victim in self._origins)
        self._report.check(
            f"kill -9 in mid-pull, seed {self._lab.kill_seed}",
            agents + origins + 1 == _ALL_KILLS,
            f"{agents} of agents, {origins} of origins, 1 of an agent whose client went away",
            f"{_ALL_KILLS} in all",
        )
        right = [get for get in self._gets if get.brought(self._digest)]
        self._report.check(
            "clients that went on by ranges and have every byte right",
            len(right) == len(self._gets),
            f"{len(right)} of {len(self._gets)}, cut off {sum(g.cuts for g in self._gets)} times",
            "all",
        )

    def check_costs(self):
        lives = [life for victim in self._victims for life in victim.lives]
        worst = min(lives, key=lambda life: life.bound_bytes - life.lost_bytes)
        self._report.check(
            "had been fetched and was not on record when a process was killed",
            worst.lost_bytes <= worst.bound_bytes,
            f"{mebibytes(worst.lost_bytes)} at the worst ({worst.name}), "
            f"{mebibytes(sum(life.lost_bytes for life in lives) / len(lives))} on average",
            f"at most two pieces from each peer, {mebibytes(worst.bound_bytes)}",
        )
        held = sum(self._held_by(victim)() for victim in self._victims) * self._size
        self._report.note(
            "fetched by all of them, in all lives",
            f"{mebibytes(sum(life.fetched_bytes for life in lives))} of {mebibytes(held)}",
        )

    def check_stores(self, other_image):
        """Origins have two images more than before, agents nothing once they have deleted it."""
        own = {self._image.digest, *self._image.blobs}
        images = own | {other_image.digest, *other_image.blobs}
        for victim in self.agents:
            for digest in own:
                victim.daemon.delete(digest)
        left = [None]

        def nothing_is_left():
            left[0] = []
            for victim in self._victims:
                allowed = images if victim in self._origins else set()
                left[0] += _leftovers(victim.daemon, self._files[victim], allowed)
            return not left[0]

        try:
            wait.until("the stores to be in order", nothing_is_left, _TIMEOUT_S)
        finally:
            self._report.check(
                "left in the stores: parts, scratch files, deleted but open files, lost space",
                not left[0],
                "; ".join(left[0]) or "0 bytes",
                "0 bytes",
            )


def _first(victims, condition):
    return next((victim for victim in victims if condition(victim)), None)


def _lose_a_client(lab, agent):
    """An agent is killed in mid-download, and its client does not come again: the part goes too.

    Returns the image.
    """
    image = lab.noise_image("library/forsaken", _LOST_CLIENT_BYTES)
    digest, size = image.largest_blob
    lab.first.host.limit(_REGISTRY_MEGABITS)
    lab.push(image, "library/forsaken:1")
    get = ResumingGet(agent.registry, f"/v2/library/forsaken/blobs/{digest}", size)
    wait.until("a part of the blob", lambda: agent.store.recorded_bytes(digest), _TIMEOUT_S)
    get.give_up()
    agent.kill()
    get.wait(_TIMEOUT_S)
    lab.first.host.unlimit()
    agent.start().wait_until_ready()
    if digest not in agent.store.partials():
        raise LabError(f"{agent.name} was killed too late")
    agent.delete(digest)
    lab.wait_until_origins_hold(image)
    return image


def _leftovers(daemon, files_before, allowed):
    """What of a store was not there before, and is not of the blobs that it may have more."""
    store = daemon.store
    left = [f"part of {digest}" for digest in store.partials()]
    left += [f"trash {name}" for name in store.trash()]
    left += open_files.deleted_below(daemon.pid, store.folder)
    files = store.files()
    for path in files.keys() - files_before.keys():
        if not _is_of(path, allowed):
            left.append(f"{path}, {files[path]} bytes")
    return [f"{daemon.name}: {what}" for what in left]


def _is_of(path, digests):
    return any(digest.removeprefix("sha256:") in path for digest in digests)


def _check_processes(report, descriptors):
    """`descriptors`: how many each of our processes had."""
    doubled = [
        daemon.name
        for daemon in descriptors
        if open_files.pids_with_argument(f"-config={daemon.config_path}") != [daemon.pid]
    ]
    report.check("processes beside the one that each should be", not doubled, len(doubled), "0")
    grown = {}

    def none_has_grown():
        for daemon, before in descriptors.items():
            grown[daemon.name] = len(open_files.of(daemon.pid)) - before
        return max(grown.values()) <= _SPARE_DESCRIPTORS

    wait.until(f"descriptors to be closed: {grown}", none_has_grown, _TIMEOUT_S)
    most = max(grown, key=grown.get)
    report.check(
        "most descriptors that a process has more than before",
        grown[most] <= _SPARE_DESCRIPTORS,
        f"{grown[most]} ({most})",
        f"at most {_SPARE_DESCRIPTORS}: connections",
    )
